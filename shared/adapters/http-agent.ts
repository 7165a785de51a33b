import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

// An instance of Azure Functions has 128 outbound ports it can count on.
const limits = { keepAlive: true, maxSockets: 100, maxFreeSockets: 100 };

const plain = new HttpAgent(limits);
const secure = new HttpsAgent(limits);

/** The connections to storage, kept open between requests and shared by all of them. */
export function storageAgent(url: string): HttpAgent | HttpsAgent {
  return url.startsWith('https:') ? secure : plain;
}
