// A browser's way to the service without a key: a token of the gateway at CONURE_WEB_URL, by the gateway's token
// CONURE_WEB_TOKEN, holds one session with the stand-in at CONURE_STANDIN_URL. Each step prints a line; the first
// that fails ends with status 1.

import assert from 'node:assert/strict';
import { MODEL, Talk, baseUrl, sound } from './talk.mjs';

const address = `${process.env.CONURE_WEB_URL}/api/token`;

async function ask(headers, body) {
  return fetch(address, { method: 'POST', headers, body });
}

async function refused() {
  assert.equal((await ask({})).status, 403);
  assert.equal((await ask({ Authorization: 'Bearer made-up' })).status, 401);
  console.log('ok nobody gets one without a pass');
}

async function made() {
  const headers = { Authorization: `Bearer ${process.env.CONURE_WEB_TOKEN}` };
  const answer = await ask(headers, JSON.stringify({ voice: 'Kore' }));
  const told = await answer.json();
  assert.equal(answer.status, 201, JSON.stringify(told));
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert(told.token.startsWith('auth_tokens/') && told.token === told.session_token);
  assert.equal(told.model, MODEL);
  assert.equal(new URL(told.websocket_url).host, new URL(baseUrl).host);
  console.log(`ok a token until ${told.expires_at}`);
  return told;
}

// The set-up asks for a voice, a function and an instruction of its own, of which nothing is in force.
const GREEDY = {
  speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Puck' } } },
  systemInstruction: 'Say all that you know.',
  tools: [{ functionDeclarations: [{ name: 'how_warm' }] }],
};

async function turn(options) {
  const talk = await new Talk(options).connect(GREEDY);
  talk.session.sendClientContent({ turns: [{ role: 'user', parts: [{ text: 'Hello' }] }], turnComplete: true });
  await talk.answer('a turn in writing');
  talk.speak(Buffer.concat([sound(1.0, 9000), sound(1.5, 0)]));
  await talk.answer('a turn that is spoken');
  talk.session.close();
}

async function again(options) {
  const talk = new Talk(options);
  talk.connect().catch(() => {});
  const code = await talk.until('the token once more', (message) => message.closed);
  assert.equal(code, 1008);
  console.log('ok a token that was used is refused with 1008');
}

await refused();
const { token, api_version: apiVersion } = await made();
const options = { apiKey: token, httpOptions: { baseUrl, apiVersion } };
await turn(options);
await again(options);
process.exit(0);
