// Asks a Floorlens service from a page of your own. No dependencies. Licence: Apache-2.0.
// widget.js beside this file is a small finder made of it.

const UNREACHABLE = "The floor search does not answer, or this page may not use it. Try again later.";
const LATER = [429, 503];
const sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)));
  });

/** A refusal of the service: `code` is stable, `message` for people, `fields` says what is wrong. */
export class FloorlensError extends Error {
  constructor(message, { code = "unreachable", status = 0, errors = [], request_id = null } = {}) {
    super(message);
    this.name = "FloorlensError";
    Object.assign(this, { code, status, requestId: request_id });
    this.fields = Object.fromEntries(errors.map((one) => [one.field, one.message]));
  }
}

/** Returns a photo as a JPEG of at most `side` pixels; the file itself if the browser can't read it. */
export async function shrink(photo, side = 1600) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(photo, { imageOrientation: "from-image" });
  } catch {
    return photo; // Such as HEIC, which the service reads.
  }
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob ?? photo), "image/jpeg", 0.9));
}

/** A service. A new search or refinement ends one that still runs: its promise is an AbortError. */
export class Floorlens {
  #running = null;

  /** `key` has the scope search: everybody can read it in your page. */
  constructor({ url, key = null, side = 1600, patience = 60_000, onstage = () => {} }) {
    Object.assign(this, { url: String(url).replace(/\/+$/, ""), side, patience, onstage });
    this.headers = key ? { "X-API-Key": key } : {};
  }

  /** Returns the ranking for a photo (a File or Blob); wishes: where, weights, limit, region, … */
  async search(photo, wishes = {}) {
    const signal = this.#begin();
    this.onstage("preparing");
    const form = new FormData();
    form.append("photo", await shrink(photo, this.side), "photo.jpg");
    for (const [name, value] of Object.entries(wishes)) {
      const plain = name === "group" || name === "cursor";
      if (value != null) form.append(name, plain ? value : JSON.stringify(value));
    }
    signal.throwIfAborted();
    this.onstage("searching");
    return this.#ask("POST", "/v1/search", { body: form, signal });
  }

  /** Returns the ranking for the same photo with other wishes; null takes one back. */
  async refine(id, wishes = {}) {
    this.onstage("searching");
    return this.#send("POST", `/v1/searches/${encodeURIComponent(id)}/refine`, wishes, this.#begin());
  }

  /** Returns the next page of a search, by its `next_cursor`. */
  async more(id, cursor, limit = 20) {
    const query = new URLSearchParams({ cursor, limit });
    return this.#ask("GET", `/v1/searches/${encodeURIComponent(id)}?${query}`, {});
  }

  /** Tells the service whether a product is the one on the floor: "right" or "wrong". */
  async feedback(id, productId, verdict) {
    const path = `/v1/searches/${encodeURIComponent(id)}/feedback`;
    return this.#send("POST", path, { product_id: productId, verdict });
  }

  /** Returns the whole address of a picture that an answer names. */
  image(match) {
    return match.image_url ? this.url + match.image_url : null;
  }

  /** Ends a search that runs. */
  abort() {
    this.#running?.abort();
  }

  #begin() {
    this.abort();
    this.#running = new AbortController();
    return this.#running.signal;
  }

  #send(method, path, value, signal) {
    const headers = { "Content-Type": "application/json" };
    return this.#ask(method, path, { body: JSON.stringify(value), headers, signal });
  }

  async #ask(method, path, { headers = {}, ...options }) {
    const until = Date.now() + this.patience;
    for (;;) {
      let answer;
      try {
        const all = { ...this.headers, ...headers };
        answer = await fetch(this.url + path, { method, headers: all, credentials: "omit", ...options });
      } catch (error) {
        if (error.name === "AbortError") throw error;
        // A browser does not tell a page why: no network, no service, or an origin not allowed.
        throw new FloorlensError(UNREACHABLE);
      }
      if (answer.ok) return answer.status === 204 ? null : answer.json();
      const seconds = Number(answer.headers.get("Retry-After") ?? NaN);
      const wait = 1000 * seconds * (1 + Math.random() / 4);
      if (!LATER.includes(answer.status) || !(Date.now() + wait < until)) {
        const problem = await answer.json().catch(() => ({}));
        throw new FloorlensError(problem.detail ?? UNREACHABLE, problem);
      }
      this.onstage("waiting");
      await sleep(wait, options.signal);
      this.onstage("searching");
    }
  }
}

