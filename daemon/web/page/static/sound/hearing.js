// How well a microphone hears somebody, from its levels while they spoke. Pure.

const CLEAR_DB = 15; // above the noise floor: what recognition wants at least
const FAINT_DB = 6;
const CLIPPED_DBFS = -1;

/**
 * @param {Level[]} levels
 * @returns {{level: number, floor: number, kind: "clear" | "loud" | "faint" | "nothing"}}
 */
export function hearing(levels) {
	const level = Math.max(-100, ...levels.map((one) => one.level));
	const floor = Math.min(level, ...levels.map((one) => one.floor));
	const above = level - floor;
	if (level >= CLIPPED_DBFS) return { level, floor, kind: "loud" };
	return { level, floor, kind: above >= CLEAR_DB ? "clear" : above >= FAINT_DB ? "faint" : "nothing" };
}
