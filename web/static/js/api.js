// Calls to this server's API. What it refuses is shown as a message and thrown as a Problem.
import { toast } from "./toast.js";

export class Problem extends Error {
  // problem: the members of an application/problem+json answer
  constructor(problem) {
    super(problem.detail || problem.title || "The server can't be reached.");
    this.problem = problem;
    this.status = problem.status || 0;
  }
}

// api("/api/v1/jobs/17/cancel", {method: "POST"}) answers {status, data, headers}; data is the parsed JSON or null.
// json: a value sent as the body. form: a FormData. headers: more of them. quiet: the caller shows what went wrong.
export async function api(path, { method = "GET", json, form, headers = {}, quiet = false, signal } = {}) {
  try {
    return await call(path, { method, json, form, headers, signal });
  } catch (error) {
    if (!quiet && error.name !== "AbortError") toast(said(error), "bad");
    throw error;
  }
}

async function call(path, { method, json, form, headers, signal }) {
  const sent = new Headers({ Accept: "application/json, application/problem+json", ...headers });
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token && method !== "GET") sent.set("X-CSRF-Token", token);
  if (json !== undefined) sent.set("Content-Type", "application/json");
  const body = json === undefined ? form : JSON.stringify(json);
  let answer;
  try {
    answer = await fetch(path, { method, headers: sent, body, signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ title: "The server can't be reached.", status: 0 });
  }
  const kind = answer.headers.get("Content-Type") || "";
  const data = kind.includes("json") ? await answer.json() : null;
  if (!answer.ok) throw new Problem(data || { title: answer.statusText, status: answer.status });
  return { status: answer.status, data, headers: answer.headers };
}

function said(error) {
  const fields = error.problem?.errors;
  return fields?.length ? fields.map((field) => `${field.name}: ${field.detail}`).join("; ") : error.message;
}

// JSON with every number as the text of its digits: a figure is no float here either.
export function exactly(text) {
  return JSON.parse(text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`));
}
