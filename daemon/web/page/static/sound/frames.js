// The binary frames of conure.talk.1: one byte for the kind, a zero, the turn (16 bits, little endian), the payload. Pure.

export const PCM = 1;
export const JPEG = 2;
export const HEADER_BYTES = 4;

/** @param {number} kind @param {number} turn its lowest 16 bits are sent @param {ArrayBufferView} payload */
export function pack(kind, turn, payload) {
	const frame = new Uint8Array(HEADER_BYTES + payload.byteLength);
	new DataView(frame.buffer).setUint16(2, turn & 0xffff, true);
	frame[0] = kind;
	frame.set(new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength), HEADER_BYTES);
	return frame;
}

/**
 * @param {ArrayBuffer} frame
 * @returns {{kind: number, turn: number, payload: Uint8Array<ArrayBuffer>} | null} null: no frame of ours
 */
export function unpack(frame) {
	if (frame.byteLength < HEADER_BYTES) return null;
	const view = new DataView(frame);
	return { kind: view.getUint8(0), turn: view.getUint16(2, true), payload: new Uint8Array(frame, HEADER_BYTES) };
}

/** The samples of a PCM payload (16 bits, little endian); an odd last byte is left out. @param {Uint8Array} payload */
export function samplesOf(payload) {
	const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
	return Int16Array.from({ length: payload.byteLength >> 1 }, (_, at) => view.getInt16(2 * at, true));
}

/** Whether turn `a` began after turn `b`: both are counted in 16 bits. @param {number} a @param {number} b */
export const isNewer = (a, b) => ((a - b) & 0xffff) - 1 < 0x7fff && a !== b;
