// A whole conversation between @google/genai for JavaScript and the stand-in at CONURE_STANDIN_URL, whose first
// reply asks for the function `how_warm`. Each step prints a line; the first that fails ends with status 1.

import assert from 'node:assert/strict';
import { GoogleGenAI, Modality } from '@google/genai';

const baseUrl = process.env.CONURE_STANDIN_URL;
const MODEL = 'gemini-3.8-live';
const STEP_MS = 15_000;

// Some speech-like noise at 16 kHz, loud enough for the service's own detection.
function sound(seconds, amplitude) {
  const samples = new Int16Array(Math.round(seconds * 16_000));
  for (let n = 0; n < samples.length; n += 1) samples[n] = Math.round(amplitude * Math.sin(n * 0.2 + (n % 97)));
  return Buffer.from(samples.buffer);
}

class Talk {
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

async function conversation() {
  const tools = [{ functionDeclarations: [{ name: 'how_warm', behavior: 'BLOCKING' }] }];
  const talk = await new Talk().connect({ tools, inputAudioTranscription: {}, outputAudioTranscription: {} });
  talk.session.sendRealtimeInput({ text: 'How warm is it?' });
  const call = await talk.until('a tool call', (message) => message.toolCall?.functionCalls?.[0]);
  talk.session.sendToolResponse({ functionResponses: [{ id: call.id, name: call.name, response: { output: '20' } }] });
  await talk.answer('a tool call');

  talk.speak(Buffer.concat([sound(1.2, 9000), sound(1.2, 0)]), 32_000);
  await talk.answer('speech in chunks of a second');

  talk.session.sendClientContent({ turns: [{ role: 'user', parts: [{ text: 'And now?' }] }], turnComplete: true });
  await talk.answer('content');

  talk.session.sendRealtimeInput({ video: { data: '/9j/', mimeType: 'image/jpeg' } });
  talk.speak(Buffer.concat([sound(2.0, 9000), sound(1.0, 0)]));
  await talk.until('an interruption', (message) => message.serverContent?.modelTurn);
  talk.speak(sound(0.5, 9000));
  await talk.until('an interruption', (message) => message.serverContent?.interrupted);
  console.log('ok an interruption');
  talk.speak(sound(1.0, 0));
  let handle;
  await talk.until('a handle', (message) => {
    handle = message.sessionResumptionUpdate?.newHandle ?? handle;
    return message.serverContent?.turnComplete && handle;
  });
  talk.session.close();
  return handle;
}

async function resumption(handle) {
  const talk = await new Talk().connect({ sessionResumption: { handle } });
  talk.session.sendRealtimeInput({ text: 'Where were we?' });
  await talk.answer('a resumption');
  talk.session.close();
}

async function token() {
  const ai = new GoogleGenAI({ apiKey: 'made-up-key', httpOptions: { baseUrl, apiVersion: 'v1alpha' } });
  const config = { uses: 1, liveConnectConstraints: { model: MODEL, config: { responseModalities: ['AUDIO'] } } };
  const made = await ai.authTokens.create({ config });
  const options = { apiKey: made.name, httpOptions: { baseUrl, apiVersion: 'v1alpha' } };
  const talk = await new Talk(options).connect();
  talk.session.sendRealtimeInput({ text: 'Hello' });
  await talk.answer('an ephemeral token');
  talk.session.close();
  const again = new Talk(options);
  again.connect().catch(() => {});
  const code = await again.until('a token that was used', (message) => message.closed);
  assert.equal(code, 1008);
  console.log('ok a token that was used is refused');
}

await resumption(await conversation());
await token();
process.exit(0);
