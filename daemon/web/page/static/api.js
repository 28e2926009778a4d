// Asks the gateway. Every failure becomes one error with a sentence and, where one is known, a remedy.

export class ApiError extends Error {
	/** @param {number} status HTTP's, or 0 where the gateway was not reached @param {string} text @param {string | null} [remedy] */
	constructor(status, text, remedy = null) {
		super(text);
		this.status = status;
		this.remedy = remedy;
	}
}

async function ask(method, path, body) {
	const sent = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
	const answer = await fetch(path, { method, cache: "no-store", ...sent }).catch(() => {
		throw new ApiError(0, "The gateway cannot be reached.", "Check that this device is on the speaker's network, and that conure-web runs.");
	});
	const told = await answer.json().catch(() => null);
	if (answer.ok) return told;
	throw new ApiError(answer.status, told?.error ?? told?.told ?? `The gateway answered with status ${answer.status}.`, told?.remedy);
}

/** Each gives the answer's JSON, or raises ApiError. @param {string} path */
export const get = (path) => ask("GET", path);
/** @param {string} path @param {object} [body] */
export const post = (path, body = {}) => ask("POST", path, body);
/** @param {string} path */
export const remove = (path) => ask("DELETE", path);
