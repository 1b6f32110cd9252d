// One request at a time: the latest wins, what is stale is aborted, a server that is busy or away
// is asked again.

const PAUSE = 120; // ms between two requests while the pen moves
const LONGEST = 8000; // ms between two tries

export class Reader extends EventTarget {
  constructor() {
    super();
    this.job = null; // what is to be read next
    this.running = null; // the AbortController of what is asked now
    this.timer = 0;
    this.tries = 0;
  }

  /** Read what `make()` gives: {blob, name, place}. `now` lets go of what is under way. */
  read(make, digit, now) {
    this.job = { make, digit };
    if (now) {
      this.running?.abort();
      this.running = null;
      this.#in(0);
    } else if (!this.running && !this.timer) this.#in(PAUSE);
  }

  /** Forget all that was asked. */
  stop() {
    this.job = null;
    this.running?.abort();
    this.running = null;
    clearTimeout(this.timer);
    this.timer = this.tries = 0;
    this.#tell("problem", "");
  }

  #in(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.#ask();
    }, ms);
  }

  async #ask() {
    const job = this.job;
    if (!job) return;
    this.job = null;
    const control = (this.running = new AbortController());
    let wait = PAUSE;
    try {
      const made = await job.make();
      if (control.signal.aborted) return;
      const found = await ask(made, job.digit, control.signal);
      this.tries = 0;
      this.#tell("problem", "");
      this.#tell("read", { found, place: made.place });
    } catch (error) {
      if (control.signal.aborted) return;
      wait = this.#failed(error, job);
    } finally {
      if (this.running === control) {
        this.running = null;
        if (this.job) this.#in(wait);
      }
    }
  }

  /** Say what is wrong, and whether it is tried again: in how many ms. */
  #failed(error, job) {
    this.#tell("problem", error.message);
    if (!error.again) {
      this.#tell("read", null);
      return PAUSE;
    }
    this.job ??= job;
    return Math.min(LONGEST, 1000 * 2 ** this.tries++);
  }

  #tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}

async function ask({ blob, name }, digit, signal) {
  const form = new FormData();
  form.append("file", blob, name);
  let response, found;
  try {
    response = await fetch(`api/read?explain=1&digit=${digit}`, { method: "POST", body: form, signal });
    found = await response.json();
  } catch (error) {
    if (signal.aborted) throw error;
    throw problem("The server can't be reached. Trying again…", true);
  }
  if (response.ok) return found;
  if (response.status === 503) throw problem("The server is busy. Trying again…", true);
  const said = found.error ?? `error ${response.status}`;
  throw problem(said[0].toUpperCase() + said.slice(1) + ".", response.status === 408);
}

function problem(message, again) {
  return Object.assign(new Error(message), { again });
}
