// The paper: strokes by pointer or by keys, undone and redone, drawn at any scale.

const STEP = 1 / 24; // of the paper's height, for an arrow key

/** Strokes are lists of points [x, y] in CSS pixels of the paper. */
export class Ink extends EventTarget {
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.strokes = [];
    this.past = [];
    this.future = [];
    this.current = null;
    this.enabled = true;
    this.cursor = null;
    this.pen = null; // the stroke that keys draw
    this.size = [canvas.clientWidth, canvas.clientHeight];
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.#up(event));
    }
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => this.#putAway());
  }

  get empty() {
    return !this.strokes.length && !this.current && !this.pen;
  }

  /** The width of a stroke: a pen's, for digits that fill half of the paper or less. */
  get width() {
    return Math.min(16, Math.max(8, this.canvas.clientHeight * 0.032));
  }

  undo() {
    this.#step(this.past, this.future);
  }

  redo() {
    this.#step(this.future, this.past);
  }

  clear() {
    this.#putAway();
    this.current = null;
    if (this.strokes.length) this.#change([]);
  }

  /** Keep the strokes where they are on a paper of another size. */
  resize() {
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    const scale = Math.min(width / this.size[0], height / this.size[1]);
    if (!width || !height || scale === 1) {
      if (width && height) this.size = [width, height];
      return;
    }
    const moved = new Map();
    const grow = (strokes) =>
      strokes.map((stroke) => {
        if (!moved.has(stroke)) moved.set(stroke, stroke.map(([x, y]) => [x * scale, y * scale]));
        return moved.get(stroke);
      });
    this.strokes = grow(this.strokes);
    this.past = this.past.map(grow);
    this.future = this.future.map(grow);
    this.size = [width, height];
  }

  /** All strokes, those under the pen too. */
  all() {
    return [...this.strokes, ...[this.current, this.pen].filter(Boolean)];
  }

  /** Draw the strokes on a context whose unit is a CSS pixel. */
  draw(context, colour) {
    context.strokeStyle = colour;
    context.lineWidth = this.width;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.all()) {
      context.beginPath();
      trace(context, stroke);
      context.stroke();
    }
  }

  /** The ink on white with room about it, as PNG; and where that lies: [x, y, scale]. */
  async picture(largest = 900) {
    const points = this.all().flat();
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
    const half = this.width / 2;
    const [left, top] = [Math.min(...xs) - half, Math.min(...ys) - half];
    const [right, bottom] = [Math.max(...xs) + half, Math.max(...ys) + half];
    // Room enough that no stroke is as long as the picture, as the rules of paper are.
    const room = Math.max(48, (bottom - top) / 2);
    const [width, height] = [right - left + 2 * room, bottom - top + 2 * room];
    const scale = Math.min(1, largest / Math.max(width, height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.scale(scale, scale);
    context.translate(room - left, room - top);
    this.draw(context, "#000");
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return { blob, place: [left - room, top - room, scale] };
  }

  #down(event) {
    if (!this.enabled || this.current || event.button !== 0) return;
    this.#putAway();
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.current = [this.#point(event)];
    this.#tell("moved");
  }

  #move(event) {
    if (!this.current || event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.current.push(this.#point(each));
    this.#tell("moved");
  }

  #up(event) {
    if (!this.current || event.pointerId !== this.pointer) return;
    const stroke = this.current;
    this.current = null;
    this.#change([...this.strokes, stroke]);
  }

  #key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!this.enabled || event.ctrlKey || event.metaKey || event.altKey) return;
    const [width, height] = this.size;
    const at = this.cursor ?? [width / 3, height / 4];
    if (event.key === " ") {
      if (this.pen) this.#putAway(true);
      else [this.cursor, this.pen] = [at, [at]];
    } else if (moves[event.key]) {
      const step = height * STEP * (event.shiftKey ? 4 : 1);
      this.cursor = moves[event.key].map((move, axis) =>
        Math.min(this.size[axis], Math.max(0, at[axis] + move * step)),
      );
      this.pen?.push(this.cursor);
    } else return;
    event.preventDefault();
    this.#tell("moved");
  }

  /** Lift the pen that keys draw with, and hide it unless it stays. */
  #putAway(stays = false) {
    const stroke = this.pen;
    this.pen = null;
    if (!stays) this.cursor = null;
    if (stroke) this.#change([...this.strokes, stroke]);
    else this.#tell("drawn");
  }

  #point(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #change(strokes) {
    this.past.push(this.strokes);
    this.future = [];
    this.strokes = strokes;
    this.#tell("changed");
  }

  #step(from, to) {
    if (!from.length || this.current) return;
    to.push(this.strokes);
    this.strokes = from.pop();
    this.#tell("changed");
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}

function trace(context, stroke) {
  const [first, ...rest] = stroke;
  context.moveTo(...first);
  if (!rest.length) context.lineTo(first[0] + 0.01, first[1]);
  rest.forEach((point, i) => {
    const next = rest[i + 1];
    if (next) context.quadraticCurveTo(...point, (point[0] + next[0]) / 2, (point[1] + next[1]) / 2);
    else context.lineTo(...point);
  });
}
