// A whole conversation between @google/genai for JavaScript and the stand-in at CONURE_STANDIN_URL, whose first
// reply asks for the function `how_warm`. Each step prints a line; the first that fails ends with status 1.

import assert from 'node:assert/strict';
import { GoogleGenAI } from '@google/genai';
import { MODEL, Talk, baseUrl, sound } from './talk.mjs';

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
