// What the programs beside this share: sound, and a session of @google/genai whose messages can be waited for.

import assert from 'node:assert/strict';
import { GoogleGenAI, Modality } from '@google/genai';

export const baseUrl = process.env.CONURE_STANDIN_URL;
export const MODEL = 'gemini-3.8-live';
const STEP_MS = 15_000;

// Some speech-like noise at 16 kHz, loud enough for the service's own detection.
export function sound(seconds, amplitude) {
  const samples = new Int16Array(Math.round(seconds * 16_000));
  for (let n = 0; n < samples.length; n += 1) samples[n] = Math.round(amplitude * Math.sin(n * 0.2 + (n % 97)));
  return Buffer.from(samples.buffer);
}

export class Talk {
  constructor(options = {}) {
    this.waiting = [];
    this.messages = [];
    this.ai = new GoogleGenAI({ apiKey: 'made-up-key', httpOptions: { baseUrl }, ...options });
  }

  async connect(config = {}) {
    this.session = await this.ai.live.connect({
      model: MODEL,
      config: { responseModalities: [Modality.AUDIO], sessionResumption: {}, ...config },
      callbacks: {
        onmessage: (message) => this.take(message),
        onclose: (event) => this.take({ closed: event.code }),
        onerror: (event) => this.take({ failed: event.message }),
      },
    });
    return this;
  }

  take(message) {
    this.messages.push(message);
    for (const wake of this.waiting.splice(0)) wake();
  }

  // The first message from here on for which `wanted` gives something.
  async until(name, wanted) {
    const deadline = Date.now() + STEP_MS;
    for (;;) {
      while (this.messages.length) {
        const message = this.messages.shift();
        const found = wanted(message);
        if (found) return found;
        assert(!('closed' in message), `${name}: closed with ${message.closed}`);
      }
      assert(Date.now() < deadline, `${name}: nothing came`);
      await new Promise((resolve) => {
        this.waiting.push(resolve);
        setTimeout(resolve, 100);
      });
    }
  }

  // The bytes of sound until the turn is complete.
  async answer(name) {
    let bytes = 0;
    await this.until(name, (message) => {
      for (const part of message.serverContent?.modelTurn?.parts ?? []) {
        bytes += Buffer.from(part.inlineData?.data ?? '', 'base64').length;
      }
      return message.serverContent?.turnComplete;
    });
    assert(bytes > 0, `${name}: no sound`);
    console.log(`ok ${name}: ${bytes} bytes of sound`);
  }

  speak(pcm, chunk = 3200) {
    for (let start = 0; start < pcm.length; start += chunk) {
      const data = pcm.subarray(start, start + chunk).toString('base64');
      this.session.sendRealtimeInput({ audio: { data, mimeType: 'audio/pcm;rate=16000' } });
    }
  }
}
