// Talk: this phone or computer as microphone and loudspeaker. The microphone is open from Start to End, and only here.

import { Camera } from "../camera.js";
import { levelPicture } from "../charts.js";
import { h, icon, notice, say } from "../dom.js";
import { ConureLight } from "../light.js";
import { START, reduce } from "../reducer.js";
import { Talking, lacking, troubleOf, troubleOfCamera } from "../sound/talking.js";
import { View, conversation } from "../view.js";

/** What a talk does, in words, with the scene of the speaker's light that says the same. */
const PHASES = {
	off: ["Talk from here", "ready"], connecting: ["Connecting", "connecting"], ready: ["Speak", "listening"], listening: ["Listening", "listening"],
	thinking: ["Thinking", "thinking"], speaking: ["Answering", "speaking, microphone open"],
};
const FLOOR_RISE_DB = 0.1; // for each 40 ms: the quietest of the last seconds is the floor

class Talk extends View {
	light = new ConureLight();
	word = h("p.light-name", { "aria-live": "polite" });
	about = h("p.remedy");
	main = h("button.primary.big", { onclick: () => (this.talk ? this.talk.end() : this.#start()) });
	hold = h("button.big", icon("talk"), "Hold to talk");
	quiet = h("button.big", { onclick: () => this.talk?.stop() }, icon("stop"), "Stop");
	meter = levelPicture();
	push = h("input", { type: "checkbox", id: "push", onchange: () => this.#show() });
	shows = h("input", { type: "checkbox", id: "camera", "aria-describedby": "camera-about", onchange: () => this.#look() });
	cameras = h("select", { onchange: () => this.#look() });
	preview = h("img", { alt: "The picture that was sent last" });
	seen = h("figcaption.small");
	sight = h("figure.sight", { hidden: true }, this.preview, this.seen);
	which = h("label", { hidden: true }, "Which camera", this.cameras);
	microphones = h("select", { onchange: () => this.#choose() });
	loudspeakers = h("select", { onchange: () => this.#choose() });
	words = conversation({
		heading: "From any room",
		text: "It answers here, and does at home what you ask. The speaker's own microphone stays as it is.",
		label: "Ask in writing",
		write: (text) => this.#write(text),
	});
	/** @type {Talking | null} */ talk = null;
	/** @type {Camera | null} */ camera = null;
	state = START;
	phase = "off";
	floor = 0;

	build() {
		const can_choose = "setSinkId" in (globalThis.AudioContext?.prototype ?? {});
		this.append(
			h("section.hero.card", this.light, h("div.words", this.word, this.about), this.trouble, h("div.buttons", this.main, this.hold, this.quiet), this.meter.element,
				this.sight,
				h("div.wide.stack", h("div.row", h("label.grow", { for: "push" }, "Push to talk"), this.push),
					h("div", h("div.row", h("label.grow", { for: "camera" }, "Camera"), this.shows), h("p.small", { id: "camera-about" }, "A picture each second, only while it listens to you.")),
					this.which, h("label", "Microphone", this.microphones),
					can_choose ? h("label", "Loudspeaker", this.loudspeakers) : h("p.small", "This browser chooses the loudspeaker itself."))),
			this.words.element);
		this.#holding();
		this.#troubles(lacking());
		navigator.mediaDevices?.addEventListener?.("devicechange", this.#devices);
		this.ends(() => navigator.mediaDevices?.removeEventListener?.("devicechange", this.#devices));
		this.ends(() => this.talk?.end());
		this.ends(() => this.#blind());
		this.#devices();
		this.#show();
	}

	async #start(take_over = false) {
		const talk = (this.talk = new Talking({ push_to_talk: this.push.checked, microphone: this.microphones.value, loudspeaker: this.loudspeakers.value, take_over }));
		this.floor = 0;
		this.state = START;
		this.#troubles([]);
		this.#enter("connecting");
		this.#listen(talk);
		try {
			await talk.start();
			await this.#look();
			await this.#devices();
		} catch (error) {
			this.#troubles([troubleOf(error)]);
			talk.end();
		}
	}

	#listen(talk) {
		/** @type {Record<string, (note: any) => void>} */
		const acts = {
			phase: ({ phase }) => this.#enter(phase),
			words: ({ who, text }) => this.#take({ event: "transcript", who, text }),
			over: () => this.#take({ event: "turn" }),
			level: ({ level_dbfs }) => this.#level(level_dbfs),
			taken: () => say(this.seen, "It has seen this picture."),
			tool: ({ name }) => say(this.about, `It uses ${name.replaceAll("_", " ")}.`),
			trouble: (trouble) => this.#troubles([trouble]),
			sounding: ({ sounding }) => (this.dataset.sounding = sounding),
			ended: () => this.#enter("off"),
		};
		for (const [name, act] of Object.entries(acts)) talk.addEventListener(name, (event) => act(/** @type {CustomEvent} */ (event).detail));
	}

	#enter(phase) {
		if (phase === "off") this.talk = null;
		this.phase = phase in PHASES ? phase : "ready";
		if (phase === "off") this.#blind();
		this.camera?.follow(this.phase);
		this.#show();
	}

	/** Open the camera where it is wanted and a talk is open, and else close it. */
	async #look() {
		this.#blind();
		const talk = this.talk;
		if (!talk || talk.ended || !this.shows.checked) return;
		const camera = (this.camera = new Camera((jpeg) => this.#send(talk, jpeg), () => this.#unseen({ text: "The camera is gone.", kind: "warn" })));
		say(this.seen, "Nothing is sent before it listens.");
		this.sight.hidden = false;
		try {
			await camera.open(this.cameras.value);
			camera.follow(this.phase);
			await this.#devices();
		} catch (error) {
			if (camera === this.camera) this.#unseen(troubleOfCamera(error));
		}
	}

	/** What is shown here is what was sent. @param {Talking} talk @param {Blob} jpeg */
	async #send(talk, jpeg) {
		if (!(await talk.show(jpeg))) return false;
		URL.revokeObjectURL(this.preview.src);
		this.preview.src = URL.createObjectURL(jpeg);
		say(this.seen, "This picture was sent.");
		return true;
	}

	#blind() {
		this.camera?.close();
		this.camera = null;
		this.sight.hidden = true;
		URL.revokeObjectURL(this.preview.src);
		this.preview.removeAttribute("src");
	}

	/** @param {Trouble} trouble */
	#unseen(trouble) {
		this.shows.checked = false;
		this.#blind();
		this.#troubles([trouble]);
	}

	#show() {
		const active = this.phase !== "off";
		const held = active && this.push.checked && this.phase === "ready";
		const [word, scene] = PHASES[this.phase];
		this.light.show(this.shared.lights.get(held ? "ready" : scene) ?? null);
		say(this.word, held ? "Hold the button to talk" : word);
		say(this.about, this.phase === "connecting" ? "Speak already: it is kept until the connection stands." : active ? "" : "With this device's microphone and loudspeaker.");
		this.main.replaceChildren(icon(active ? "close" : "talk"), active ? "End" : "Start");
		this.main.classList.toggle("primary", !active);
		this.hold.hidden = !(active && this.push.checked);
		this.quiet.hidden = this.phase !== "speaking";
		this.push.disabled = active;
		this.words.enable(active);
		this.words.show(this.state.lines);
		this.meter.element.toggleAttribute("hidden", !active);
		document.title = active ? "● Microphone open · Conure" : "Talk · Conure";
	}

	/** Held by pointer or space bar. */
	#holding() {
		const on = (name, act) => this.hold.addEventListener(name, act);
		on("pointerdown", ({ pointerId }) => {
			this.hold.setPointerCapture(pointerId);
			this.talk?.press(true);
		});
		for (const name of ["keydown", "keyup"]) on(name, ({ key, type }) => key === " " && this.talk?.press(type === "keydown"));
		for (const name of ["pointerup", "pointercancel", "blur"]) on(name, () => this.talk?.press(false));
		on("contextmenu", (event) => event.preventDefault());
	}

	#write(text) {
		this.#take({ event: "say", text });
		this.talk?.write(text);
	}

	#take(note) {
		this.state = reduce(this.state, note);
		this.words.show(this.state.lines);
	}

	#level(level_dbfs) {
		this.floor = Math.min(level_dbfs, (this.floor || level_dbfs) + FLOOR_RISE_DB);
		this.state = reduce(this.state, { event: "level", level_dbfs, floor_dbfs: this.floor });
		this.meter.draw(this.state.levels);
	}

	async #choose() {
		try {
			await this.talk?.choose_microphone(this.microphones.value);
			await this.talk?.choose_loudspeaker(this.loudspeakers.value);
		} catch (error) {
			this.#troubles([troubleOf(error)]);
		}
	}

	/** Names are known only after the microphone was once allowed. */
	#devices = async () => {
		const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
		for (const [select, kind] of [[this.microphones, "audioinput"], [this.loudspeakers, "audiooutput"], [this.cameras, "videoinput"]]) fill(select, devices.filter((device) => device.kind === kind));
		this.which.hidden = this.cameras.options.length < 3; // the browser's choice, and one
	};

	#troubles(troubles) {
		this.trouble.replaceChildren(...troubles.map(notice));
		if (troubles[0]?.code === "twice") this.trouble.append(h("button", { onclick: () => this.#start(true) }, "Take it over"));
		this.main.disabled = lacking().length > 0;
	}
}

function fill(select, devices) {
	const known = devices.filter(({ deviceId }) => deviceId && deviceId !== "default");
	const options = known.map(({ deviceId, label }, at) => h("option", { value: deviceId, selected: deviceId === select.value }, label || `Number ${at + 1}`));
	select.replaceChildren(h("option", { value: "" }, "The browser's choice"), ...options);
}

customElements.define("conure-talk", Talk);
