// The shapes that the page's modules pass to each other: for readers and for tsc. Not served.

/** A note of /api/events, or one of the page's own (`stream`). */
type Note = Record<string, any>;

/** One side's words in one turn. */
interface Line {
  who: "user" | "model";
  text: string;
  /** Nothing is added to it any more. */
  over: boolean;
  key: number;
}

/** What the microphone heard, and what it hears when nobody speaks; both in dBFS. */
interface Level {
  level: number;
  floor: number;
}

/** All that the page knows of the speaker. Frozen by custom: `reduce` makes another one. */
interface State {
  /** The page's own connection to the gateway. */
  stream: "opening" | "live" | "lost";
  /** The gateway's connection to the speaker. */
  speaker: "unknown" | "here" | "away" | "none";
  /** As `conure status --json` has it, kept up to date by notes. */
  status: Record<string, any> | null;
  /** Who said what, the oldest first. */
  lines: Line[];
  /** Of the microphone, the oldest first. */
  levels: Level[];
  /** How many lines there have been. */
  keys: number;
}

/** Red, green and blue, 0 to 255, linear as a light is. */
type Colour = [number, number, number];

/** A row of /api/lights. */
interface Scene {
  name: string;
  looks: string;
  meaning: string;
  remedy: string;
  colour: Colour;
  /** Always lit beneath the moving colour. */
  under: Colour;
  layout: "all" | "spin" | "bar";
  /** Stretches of: seconds, brightness at the beginning, at the end (0 to 1). */
  curve: [number, number, number][];
}

/** What every view may use. */
interface Shared {
  store: import("./static/live.js").Store;
  me: { visitor: string; rights: string[]; speaker: boolean; paired: boolean; pairing: boolean };
  lights: Map<string, Scene>;
  /** Says something in passing. */
  tell: (text: string) => void;
}

/** What is wrong and what helps; `words in backquotes` are for a terminal. */
interface Trouble {
  text: string;
  remedy?: string | null;
  kind?: "bad" | "warn" | "info";
}

/** A line of the ledger: durations in milliseconds and seconds, as their names say. */
type Turn = Record<string, any>;

/** A stretch of a turn, in milliseconds after its trigger. */
interface Stretch {
  from: number;
  to: number;
  kind: "said" | "wait" | "reply";
  label: string;
}

/** A timer, an alarm or a reminder; what rings has no `words`, only its `title`. */
interface Timer {
  id: number;
  kind: string;
  name: string;
  title: string;
  words?: string;
  left_s?: number | null;
}

interface Finding {
  check: string;
  mark: "fine" | "wrong" | "skipped";
  found: string;
  remedy: string;
}

/** A browser that may in; times are seconds since the epoch. */
interface Device {
  id: string;
  name: string;
  paired_at_s: number | null;
  seen_at_s: number | null;
  ends_at_s: number | null;
  this: boolean;
}

/** A key of the configuration. */
interface Key {
  table: string;
  key: string;
  doc: string;
  default: any;
  low: number | null;
  high: number | null;
  choices: string[] | null;
  value: any;
  source: string;
  /** Whether the page may change it. */
  web: boolean;
}

/** What a talk is started with; empty ids: the browser's choice. */
interface Wishes {
  push_to_talk: boolean;
  microphone: string;
  loudspeaker: string;
  take_over?: boolean;
}

interface Element {
  /** What `follow` knows its children by. */
  key?: string | number;
}

/** The worklets' own world (Web Audio API 1.1, §1.32), which TypeScript's DOM library leaves out. */
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

/** What `h("p.small")` makes: a paragraph. */
type Made<W> = W extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[W] : W extends `${infer Tag}.${string}` ? Made<Tag> : HTMLElement;
