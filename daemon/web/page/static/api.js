// Asks the gateway. Every failure becomes one error with a sentence and, where one is known, a remedy.

export class ApiError extends Error {
	/**
	 * @param {number} status HTTP's, or 0 where the gateway was not reached
	 * @param {string} message
	 * @param {string | null} [remedy]
	 */
	constructor(status, message, remedy = null) {
		super(message);
		this.status = status;
		this.remedy = remedy;
	}
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] sent as JSON
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the answer's JSON; null where there is none
 */
async function ask(method, path, body, signal) {
	const headers = body === undefined ? undefined : { "Content-Type": "application/json" };
	const sent = body === undefined ? undefined : JSON.stringify(body);
	const answer = await reach(() => fetch(path, { method, headers, body: sent, signal, cache: "no-store" }));
	const told = await answer.json().catch(() => null);
	if (answer.ok) return told;
	throw new ApiError(answer.status, told?.error ?? SENTENCES[answer.status] ?? `The gateway answered with status ${answer.status}.`, told?.remedy ?? null);
}

/** @param {() => Promise<Response>} send */
async function reach(send) {
	try {
		return await send();
	} catch (error) {
		if (/** @type {Error} */ (error).name === "AbortError") throw error;
		throw new ApiError(0, "The gateway cannot be reached.", "Check that this device is on the speaker's network, and that conure-web runs.");
	}
}

/** @type {Record<number, string>} */
const SENTENCES = {
	401: "This browser is not paired with the speaker.",
	403: "This browser may not do that.",
	404: "This gateway does not know that yet.",
	429: "That was asked too often; wait a moment.",
	503: "The gateway is busy, or the speaker is away.",
};

/** @param {string} path @param {AbortSignal} [signal] */
export const get = (path, signal) => ask("GET", path, undefined, signal);
/** @param {string} path @param {unknown} [body] @param {AbortSignal} [signal] */
export const post = (path, body = {}, signal) => ask("POST", path, body, signal);
/** @param {string} path */
export const remove = (path) => ask("DELETE", path);
