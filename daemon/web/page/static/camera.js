// This device's camera in a talk: one picture at a time, at most one a second, and only while the talk listens.

export const LONGEST_SIDE = 768; // pixels: what the model looks at is no larger
export const PICTURE_BYTES = 150 * 1024;
export const PACE_MS = 1000; // Live API guide, video: at most one a second
const QUALITIES = [0.8, 0.5]; // the second for a picture that is too large with the first

/** The size at which a picture is sent; small ones stay as they are. Pure. @param {number} width @param {number} height */
export function fitted(width, height) {
	const share = Math.min(1, LONGEST_SIDE / Math.max(width, height, 1));
	return { width: Math.round(width * share), height: Math.round(height * share) };
}

/** How long until the next picture may leave, and whether it may at all. Pure. */
export class Pace {
	last_ms = -Infinity;

	/** @param {string} phase of the talk @param {number} now_ms @returns {number | null} null: it must not leave now */
	wait_ms(phase, now_ms) {
		return phase === "listening" ? Math.max(0, this.last_ms + PACE_MS - now_ms) : null;
	}
}

/** Open from `open` to `close`: the browser shows that it is. `send` gets each picture, and tells whether it left. */
export class Camera {
	video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
	canvas = document.createElement("canvas");
	pace = new Pace();
	phase = "off";
	timer = 0;
	/** @type {MediaStream | null} */ stream = null;
	closed = false;

	/** @param {(jpeg: Blob) => Promise<boolean>} send @param {() => void} gone called when the camera is taken away */
	constructor(send, gone) {
		this.send = send;
		this.gone = gone;
	}

	/** @param {string} id of the device; empty: the browser's choice. Raises what getUserMedia raises. */
	async open(id) {
		const wanted = id ? { deviceId: { exact: id } } : { facingMode: "environment" };
		const stream = await navigator.mediaDevices.getUserMedia({ video: { ...wanted, width: { ideal: 1280 }, frameRate: { ideal: 15 } } });
		if (this.closed) return stop(stream);
		stop(this.stream);
		this.stream = stream;
		stream.getVideoTracks()[0].onended = () => this.gone();
		this.video.srcObject = stream;
		await this.video.play();
		this.#plan();
	}

	/** What the talk does now. @param {string} phase */
	follow(phase) {
		this.phase = phase;
		this.#plan();
	}

	close() {
		this.closed = true;
		clearTimeout(this.timer);
		stop(this.stream);
		this.video.srcObject = null;
	}

	#plan() {
		clearTimeout(this.timer);
		const wait_ms = this.pace.wait_ms(this.phase, performance.now());
		if (this.stream && !this.closed && wait_ms !== null) this.timer = setTimeout(() => this.#show(), wait_ms);
	}

	async #show() {
		this.pace.last_ms = performance.now();
		const jpeg = await this.#picture();
		if (jpeg && !this.closed && this.phase === "listening") await this.send(jpeg);
		this.#plan();
	}

	/** The newest picture; null where there is none yet, or none that is small enough. @returns {Promise<Blob | null>} */
	async #picture() {
		const { videoWidth, videoHeight } = this.video;
		if (!videoWidth) return null;
		Object.assign(this.canvas, fitted(videoWidth, videoHeight));
		this.canvas.getContext("2d")?.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
		for (const quality of QUALITIES) {
			const jpeg = await this.#packed(quality);
			if (jpeg && jpeg.size <= PICTURE_BYTES) return jpeg;
		}
		return null;
	}

	/** @param {number} quality @returns {Promise<Blob | null>} */
	#packed(quality) {
		return new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", quality));
	}
}

function stop(stream) {
	for (const track of stream?.getTracks() ?? []) {
		track.onended = null;
		track.stop();
	}
}
