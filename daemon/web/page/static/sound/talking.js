// One talk: this device's microphone and loudspeaker, and the connection that carries them (conure.talk.1).

import { JPEG, PCM, isNewer, pack, samplesOf, unpack } from "./frames.js";
import { Waiting } from "./waiting.js";

const WAITING_BYTES = 64 * 1024; // two seconds of speech that the network has not taken; policy beyond: dropped, counted
const OPEN_MS = 8000;

/** What this browser lacks for a talk, with what helps. @returns {Trouble[]} */
export function lacking() {
	if (!isSecureContext) return [{ text: "This page came without encryption, and browsers give no microphone to such a page.", remedy: `Open https://${location.hostname} instead.` }];
	if (!navigator.mediaDevices?.getUserMedia) return [{ text: "This browser gives pages no microphone.", remedy: "Use a current Firefox, Chrome, Edge or Safari." }];
	return [];
}

/** @param {any} error of getUserMedia and the like @returns {Trouble} */
export function troubleOf({ name, message }) {
	const [text, remedy] = MICROPHONE[name] ?? [`The talk could not be started: ${message}`];
	return { text, remedy };
}

const MISSING = ["The microphone was not found.", "Plug one in, or choose another."];
const MICROPHONE = {
	NotAllowedError: ["The browser does not let this page use the microphone.", "Allow it beside the address, and start again."],
	NotFoundError: MISSING,
	OverconstrainedError: MISSING,
	NotReadableError: ["The microphone cannot be opened.", "Close other programs that use it."],
};
const REFUSED = {
	text: "The page loads, but the voice connection was refused.",
	remedy: `Safari and iPhones want the speaker's certificate first: open ${globalThis.location?.origin}/conure.mobileconfig. Elsewhere, load the page again.`,
};

/** @param {any} error of getUserMedia @returns {Trouble} what it says of a camera */
export function troubleOfCamera({ name, message }) {
	const [text, remedy] = CAMERA[name] ?? [`The camera could not be opened: ${message}`];
	return { text, remedy, kind: "warn" };
}

const NO_CAMERA = ["No camera was found.", "Plug one in, or choose another. The talk goes on without it."];
const CAMERA = {
	NotAllowedError: ["The browser does not let this page use the camera.", "Allow it beside the address, and switch it on again. The talk goes on without it."],
	NotFoundError: NO_CAMERA,
	OverconstrainedError: NO_CAMERA,
	NotReadableError: ["The camera cannot be opened.", "Close other programs that use it. The talk goes on without it."],
};

/** Tells by events whose `detail` is a note: phase, words, over, level, sounding, tool, taken, trouble, ended. */
export class Talking extends EventTarget {
	turn = 0;
	waiting = new Waiting();
	pressed = false;
	ready = false;
	ended = false;
	dropped = 0;

	/** @param {Wishes} wishes */
	constructor(wishes) {
		super();
		this.wishes = wishes;
	}

	/** To be called inside a click: browsers start sound only then. Raises what getUserMedia and addModule raise. */
	async start() {
		const context = (this.context = new AudioContext({ latencyHint: "interactive" }));
		context.onstatechange = () => void (!this.ended && context.state !== "running" && context.resume());
		await Promise.all([context.resume(), ...["microphone", "playback"].map((name) => context.audioWorklet.addModule(`/page/sound/${name}.js`))]);
		await this.choose_loudspeaker(this.wishes.loudspeaker);
		this.playback = new AudioWorkletNode(context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
		this.playback.port.onmessage = ({ data }) => this.#tell("sounding", data);
		this.playback.connect(context.destination);
		this.microphone = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
		this.microphone.port.onmessage = ({ data }) => this.#heard(data);
		await this.choose_microphone(this.wishes.microphone);
		document.addEventListener("visibilitychange", this.#lock);
		await this.#lock();
		if (!this.ended) await this.#connect();
	}

	/** @param {string} id */
	async choose_microphone(id) {
		const device = id ? { deviceId: { exact: id } } : {};
		const stream = await navigator.mediaDevices.getUserMedia({ audio: { ...device, channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
		if (this.ended || !this.context || !this.microphone) return stop(stream);
		this.source?.disconnect();
		stop(this.stream);
		this.stream = stream;
		stream.getAudioTracks()[0].onended = () => this.#fail({ text: "The microphone is gone.", remedy: "Plug it in again, or choose another." });
		this.source = this.context.createMediaStreamSource(stream);
		this.source.connect(this.microphone);
	}

	/** Without effect where a page cannot choose it. @param {string} id */
	async choose_loudspeaker(id) {
		await /** @type {any} */ (this.context)?.setSinkId?.(id);
	}

	/** @param {boolean} pressed whether the user holds the button, and so speaks */
	press(pressed) {
		if (pressed !== this.pressed) this.#send({ type: pressed ? "press" : "release" });
		this.pressed = pressed;
	}

	/** @param {string} text */
	write(text) {
		this.#send({ type: "text", text });
	}

	/** Stop the answer, and go on talking. */
	stop() {
		this.#send({ type: "stop" });
		this.#play_act("interrupt", this.turn);
	}

	end() {
		this.#give(JSON.stringify({ type: "end" }));
		this.#close();
	}

	#connect() {
		const socket = (this.socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/ws/talk`, "conure.talk.1"));
		const late = setTimeout(() => socket.close(), OPEN_MS);
		socket.binaryType = "arraybuffer";
		socket.onopen = () => {
			clearTimeout(late);
			this.opened = true;
			socket.send(JSON.stringify({ type: "start", push_to_talk: this.wishes.push_to_talk, take_over: this.wishes.take_over }));
		};
		socket.onmessage = ({ data }) => (typeof data === "string" ? this.#told(JSON.parse(data)) : this.#play(data));
		socket.onclose = () => this.#fail(this.opened ? { text: "The talk has ended: the connection closed.", remedy: "Start again." } : REFUSED);
	}

	/** Show the model a picture; false where the network is too slow for it. @param {Blob} jpeg */
	async show(jpeg) {
		const picture = new Uint8Array(await jpeg.arrayBuffer());
		if (!this.ready || this.socket?.readyState !== WebSocket.OPEN || this.socket.bufferedAmount > WAITING_BYTES) return false;
		this.socket.send(pack(JPEG, this.turn, picture));
		return true;
	}

	#heard({ piece, level_dbfs }) {
		this.#tell("level", { level_dbfs });
		if (this.ended || (this.wishes.push_to_talk && !this.pressed)) return;
		if (!this.ready) this.waiting.hear(piece);
		else if (this.socket && this.socket.bufferedAmount > WAITING_BYTES) this.dropped += 1;
		else this.#give(pack(PCM, this.turn, piece));
	}

	/** The session stands: what was said while it was set up goes first. */
	#begin() {
		this.ready = true;
		for (const item of this.waiting.take()) {
			if (item instanceof Int16Array) this.#give(pack(PCM, this.turn, item));
			else this.#send(item);
		}
	}

	#play(data) {
		const frame = unpack(data);
		if (frame?.kind !== PCM) return;
		if (isNewer(frame.turn, this.turn)) this.turn = frame.turn;
		const samples = samplesOf(frame.payload);
		this.playback?.port.postMessage({ act: "push", turn: frame.turn, samples }, [samples.buffer]);
	}

	#play_act(act, turn) {
		this.playback?.port.postMessage({ act, turn });
		this.#tell("over", {});
	}

	/** Names that are not known are passed over. */
	#told({ type, turn = this.turn, message: text, remedy, ...more }) {
		if (type === "ready") this.#begin();
		if (type === "ready" || type === "state") this.#tell("phase", { phase: more.state ?? type });
		else if (type === "transcript") this.#tell("words", more);
		else if (type === "tool") this.#tell("tool", more);
		else if (type === "image_taken") this.#tell("taken", {});
		else if (type === "interrupted") this.#play_act("interrupt", turn);
		else if (type === "turn_complete") this.#play_act("finish", turn);
		else if (type === "notice") this.#tell("trouble", { text, remedy, kind: "info" });
		else if (type === "error") this.#tell("trouble", { text, remedy, code: more.code });
		else if (type === "ended") this.#close();
	}

	/** Now, or when the session stands. */
	#send(message) {
		if (this.ready) this.#give(JSON.stringify(message));
		else this.waiting.say(message);
	}

	/** @param {string | Uint8Array<ArrayBuffer>} frame */
	#give(frame) {
		if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(frame);
	}

	/** Keep the screen on. Refused on a low battery: then it goes dark as it always does. */
	#lock = async () => {
		if (this.ended || document.visibilityState === "hidden") return;
		this.lock = await navigator.wakeLock?.request("screen").catch(() => undefined);
	};

	#fail(trouble) {
		if (!this.ended) this.#tell("trouble", trouble);
		this.#close();
	}

	#close() {
		if (this.ended) return;
		this.ended = true;
		document.removeEventListener("visibilitychange", this.#lock);
		stop(this.stream);
		this.socket?.close();
		this.lock?.release();
		this.context?.close();
		this.#tell("ended", {});
	}

	#tell(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}
}

function stop(stream) {
	for (const track of stream?.getTracks() ?? []) {
		track.onended = null;
		track.stop();
	}
}
