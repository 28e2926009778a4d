// One talk: this device's microphone and loudspeaker, and the connection that carries them (conure.talk.1).

import { PCM, isNewer, pack, samplesOf, unpack } from "./frames.js";

const WAITING_BYTES = 64 * 1024; // two seconds of speech that the network has not taken; policy beyond: dropped, counted
const OPEN_MS = 8000;

/** What this browser lacks for a talk, with what helps. @returns {Trouble[]} */
export function lacking() {
  if (!isSecureContext) return [{ text: "This page was loaded without encryption, and browsers give no microphone to such a page.", remedy: `Open https://${location.hostname} instead.` }];
  if (!navigator.mediaDevices?.getUserMedia) return [{ text: "This browser gives pages no microphone.", remedy: "Use a current Firefox, Chrome, Edge or Safari; not a page inside another app." }];
  if (!("AudioWorkletNode" in window)) return [{ text: "This browser cannot process sound in a page.", remedy: "Update it: Chrome 66, Firefox 114 and Safari 14.1 can." }];
  return [];
}

/** @param {Error} error of getUserMedia @returns {Trouble} */
export function microphoneTrouble({ name, message }) {
  if (name === "NotAllowedError") return { text: "The browser does not let this page use the microphone.", remedy: "Allow it beside the address, and start again." };
  if (name === "NotFoundError" || name === "OverconstrainedError") return { text: "The microphone was not found.", remedy: "Plug one in, or choose another below." };
  if (name === "NotReadableError") return { text: "The microphone cannot be opened.", remedy: "Close other programs that use it." };
  return { text: `The talk could not be started: ${message}`, remedy: null };
}

const REFUSED = {
  text: "The page loads, but the voice connection was refused.",
  remedy: "Pair again if this browser's pass has ended. On an iPhone or in Safari, first install the speaker's certificate; the page at port 80 of the speaker tells how.",
};

/**
 * Tells by events, `detail` being a note: `phase`, `words`, `over`, `level`, `sounding`, `trouble`, `notice`, `ended`.
 */
export class Talking extends EventTarget {
  #turn = 0;
  #pressed = false;
  #ended = false;
  dropped = 0;

  /** @param {Wishes} wishes */
  constructor(wishes) {
    super();
    this.wishes = wishes;
  }

  /** Must be called inside a click: browsers start sound only then. Raises what getUserMedia and addModule raise. */
  async start() {
    const context = (this.context = new AudioContext({ latencyHint: "interactive" }));
    context.onstatechange = () => void (context.state !== "closed" && context.state !== "running" && context.resume());
    await Promise.all([context.resume(), context.audioWorklet.addModule("/page/sound/microphone.js"), context.audioWorklet.addModule("/page/sound/playback.js")]);
    await this.choose_loudspeaker(this.wishes.loudspeaker);
    this.playback = new AudioWorkletNode(context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    this.playback.port.onmessage = ({ data }) => this.#tell("sounding", data);
    this.playback.connect(context.destination);
    this.microphone = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
    this.microphone.port.onmessage = ({ data }) => this.#heard(data);
    await this.choose_microphone(this.wishes.microphone);
    await this.#connect();
    await this.#stay_awake();
  }

  /** @param {string} id */
  async choose_microphone(id) {
    const device = id ? { deviceId: { exact: id } } : {};
    const audio = { ...device, channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    if (this.#ended || !this.context || !this.microphone) return stop(stream);
    this.source?.disconnect();
    if (this.stream) stop(this.stream);
    this.stream = stream;
    stream.getAudioTracks()[0].onended = () => this.#fail({ text: "The microphone is gone.", remedy: "Plug it in again, or choose another." });
    this.source = this.context.createMediaStreamSource(stream);
    this.source.connect(this.microphone);
  }

  /** Without effect where a page cannot choose it. @param {string} id */
  async choose_loudspeaker(id) {
    const context = /** @type {any} */ (this.context);
    if (context?.setSinkId) await context.setSinkId(id);
  }

  press() {
    if (this.#pressed) return;
    this.#pressed = true;
    this.#send({ type: "press" });
  }

  release() {
    if (!this.#pressed) return;
    this.#pressed = false;
    this.#send({ type: "release" });
  }

  /** @param {string} text */
  write(text) {
    this.#send({ type: "text", text });
  }

  /** Stop the answer, and go on talking. */
  stop() {
    this.#send({ type: "stop" });
    this.#cut(this.#turn);
  }

  end() {
    if (this.#ended) return;
    this.#send({ type: "end" });
    this.#close();
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = (this.socket = new WebSocket(`${scheme}//${location.host}/ws/talk`, "conure.talk.1"));
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.#told(JSON.parse(data)) : this.#play(data));
    return new Promise((resolve) => {
      const late = setTimeout(() => socket.close(), OPEN_MS);
      let opened = false;
      socket.onopen = () => {
        opened = true;
        clearTimeout(late);
        this.#send({ type: "start", push_to_talk: this.wishes.push_to_talk });
        resolve(undefined);
      };
      socket.onclose = () => {
        clearTimeout(late);
        if (!opened) this.#fail(REFUSED);
        else if (!this.#ended) this.#fail({ text: "The talk has ended: the connection closed.", remedy: "Start again." });
        resolve(undefined);
      };
    });
  }

  /** @param {{piece: Int16Array, level_dbfs: number}} heard */
  #heard({ piece, level_dbfs }) {
    this.#tell("level", { level_dbfs });
    const open = this.ready && (!this.wishes.push_to_talk || this.#pressed);
    if (!open || this.socket?.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > WAITING_BYTES) this.dropped += 1;
    else this.socket.send(pack(PCM, this.#turn, piece));
  }

  /** @param {ArrayBuffer} data */
  #play(data) {
    const frame = unpack(data);
    if (frame?.kind !== PCM) return;
    if (isNewer(frame.turn, this.#turn)) this.#turn = frame.turn;
    const samples = samplesOf(frame.payload);
    this.playback?.port.postMessage({ act: "push", turn: frame.turn, samples }, [samples.buffer]);
  }

  /** @param {Record<string, any>} message; unknown ones are passed over */
  #told(message) {
    const { type, turn } = message;
    if (type === "ready") this.ready = true;
    if (type === "ready" || type === "state") this.#tell("phase", { phase: message.state ?? "ready" });
    else if (type === "transcript") this.#tell("words", message);
    else if (type === "interrupted") this.#cut(turn ?? this.#turn);
    else if (type === "turn_complete") this.#whole(turn ?? this.#turn);
    else if (type === "notice") this.#tell("notice", { text: message.message ?? message.text, remedy: message.remedy });
    else if (type === "error") this.#tell("trouble", { text: message.message, remedy: message.remedy });
    else if (type === "ended") this.#close(message.message ?? message.reason);
  }

  /** @param {number} turn */
  #cut(turn) {
    this.playback?.port.postMessage({ act: "interrupt", turn: turn & 0xffff });
    this.#tell("over", {});
  }

  /** @param {number} turn */
  #whole(turn) {
    this.playback?.port.postMessage({ act: "finish", turn: turn & 0xffff });
    this.#tell("over", {});
  }

  /** @param {object} message */
  #send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  async #stay_awake() {
    this.look = () => void (document.visibilityState === "visible" && !this.#ended && this.#lock());
    document.addEventListener("visibilitychange", this.look);
    await this.#lock();
  }

  /** Refused on a low battery: then the screen goes dark as it always does. */
  async #lock() {
    const lock = await navigator.wakeLock?.request("screen").catch(() => null);
    if (this.#ended) void lock?.release();
    else this.lock = lock;
  }

  /** @param {Trouble} trouble */
  #fail(trouble) {
    this.#tell("trouble", trouble);
    this.#close();
  }

  /** @param {string} [reason] */
  #close(reason) {
    if (this.#ended) return;
    this.#ended = true;
    if (this.look) document.removeEventListener("visibilitychange", this.look);
    if (this.stream) stop(this.stream);
    this.socket?.close(1000);
    void this.lock?.release();
    void this.context?.close();
    this.#tell("ended", { reason });
  }

  /** @param {string} name @param {object} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
}
