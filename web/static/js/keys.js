// A new Idempotency-Key: requests with the same one are the same request, however often they are sent.
// crypto.randomUUID is not there without https.

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
