// The page: what is drawn or opened goes to the reader, what it says is shown.

import { Ink } from "./ink.js";
import { Reader } from "./reader.js";
import { SURE, UNSURE, drawBoxes, prepared, showDetail, showReading } from "./view.js";

const LARGEST = 2000; // pixels a side: larger pictures are made smaller here, as the server would

const $ = (id) => document.getElementById(id);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const ink = new Ink($("ink"));
const reader = new Reader();
const LAST = -1;
const state = { picture: null, found: null, place: [0, 0, 1], chosen: LAST };

// Drawing

function drawPaper() {
  const context = prepared($("ink"));
  if (state.picture) {
    const [x, y, scale] = pictureFrame();
    const { image } = state.picture;
    if (image) context.drawImage(image, x, y, image.width * scale, image.height * scale);
  } else {
    ink.draw(context, style("--ink"));
    if (ink.cursor) drawCursor(context, ink.cursor, ink.pen);
  }
  $("hint").hidden = Boolean(state.picture) || !ink.empty;
  $("undo").disabled = Boolean(state.picture) || !ink.past.length;
  $("redo").disabled = Boolean(state.picture) || !ink.future.length;
  $("clear").disabled = !state.picture && ink.empty;
}

function drawCursor(context, [x, y], down) {
  context.strokeStyle = style("--accent");
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, down ? 5 : 9, 0, 7);
  context.stroke();
}

function pictureFrame() {
  const { width, height } = state.picture.image ?? { width: 1, height: 1 };
  const [across, along] = [$("ink").clientWidth, $("ink").clientHeight];
  const scale = Math.min(across / width, along / height, 8);
  return [(across - width * scale) / 2, (along - height * scale) / 2, scale];
}

/** Where a box of the picture that was read lies on the paper. */
function onPaper([x, y, width, height]) {
  if (!state.picture) {
    const [left, top, scale] = state.place;
    return [left + x / scale, top + y / scale, width / scale, height / scale];
  }
  const [left, top, scale] = pictureFrame();
  return [left + x * scale, top + y * scale, width * scale, height * scale];
}

function drawOverlay() {
  const context = prepared($("boxes"));
  if (!state.found || (state.picture && !state.picture.image)) return;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches && !state.picture;
  drawBoxes(context, state.found.digits, onPaper, {
    chosen: chosen(),
    sure: dark ? style("--for") : SURE,
    unsure: dark ? style("--against") : UNSURE,
    paper: dark ? "#000" : "#fff",
  });
}

// Reading

const chosen = () => (state.chosen === LAST ? (state.found?.digits.length ?? 0) - 1 : state.chosen);

function readInk(now) {
  if (ink.empty) {
    reader.stop();
    show(null);
  } else {
    reader.read(async () => ({ ...(await ink.picture()), name: "drawing.png" }), state.chosen, now);
  }
}

function readPicture() {
  reader.read(async () => state.picture, state.chosen, true);
}

function show(found, place = [0, 0, 1]) {
  Object.assign(state, { found, place });
  if (state.chosen >= (found?.digits.length ?? 0)) state.chosen = LAST;
  showReading(found, chosen(), choose);
  showDetail(found?.digits[chosen()]);
  drawOverlay();
  if (found?.digits.length && !found.digits[chosen()].probabilities) readAgain();
}

function readAgain() {
  if (state.picture) readPicture();
  else readInk(true);
}

function choose(index) {
  state.chosen = index;
  showReading(state.found, index, choose);
  drawOverlay();
  if (state.found.digits[index].probabilities) showDetail(state.found.digits[index]);
  else readAgain();
}

// Pictures

async function open(file) {
  if (!file) return;
  const image = await createImageBitmap(file).catch(() => null);
  const small = image ? await shrunk(file, image) : { image, blob: file };
  state.picture = { ...small, name: file.name || "picture", place: [0, 0, 1] };
  setMode(true);
  if (!image) tell("This browser can't show this picture.");
  readPicture();
}

async function shrunk(file, image) {
  const scale = LARGEST / Math.max(image.width, image.height);
  if (scale >= 1) return { image, blob: file };
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  const kind = file.type === "image/jpeg" ? "image/jpeg" : "image/png"; // PNG keeps transparency
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, kind, 0.95));
  return { image: canvas, blob };
}

/** Go over to a picture, or back to an empty paper. */
function setMode(picture) {
  reader.stop();
  if (!picture) state.picture = null;
  state.chosen = LAST;
  ink.enabled = !picture;
  $("ink").classList.toggle("picture", picture);
  $("ink").setAttribute("role", picture ? "img" : "application"); // whose keys are its own
  $("ink").setAttribute("aria-label", picture ? `The picture ${state.picture.name}` : "Paper to draw on");
  $("title").textContent = picture ? state.picture.name : "Draw digits";
  show(null);
  drawPaper();
}

function clear() {
  if (state.picture) setMode(false);
  ink.clear();
  state.chosen = LAST;
}

// Results

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function baseName() {
  return state.found.file.replace(/\.[^.]*$/, "") || "picture";
}

function saveJson() {
  save(new Blob([JSON.stringify(state.found, null, 1)], { type: "application/json" }), `${baseName()}.json`);
}

/** Save the picture or the drawing, on white, with the boxes. */
function savePicture() {
  const canvas = document.createElement("canvas");
  const image = state.picture?.image ?? $("ink");
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext("2d");
  const ratio = state.picture ? Math.max(1, image.width / 1000) : image.width / image.clientWidth;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (state.picture) context.drawImage(image, 0, 0);
  else {
    context.scale(ratio, ratio);
    ink.draw(context, "#000");
    context.setTransform(1, 0, 0, 1, 0, 0);
  }
  const to = state.picture ? (box) => box : (box) => onPaper(box).map((side) => side * ratio);
  drawBoxes(context, state.found.digits, to, { sure: SURE, unsure: UNSURE, paper: "#fff", ratio });
  canvas.toBlob((blob) => save(blob, `${baseName()}.read.png`), "image/png");
}

function tell(message) {
  $("problem").hidden = !message;
  if ($("problem").textContent !== message) $("problem").textContent = message;
}

// Wiring

let due = false;
function soon() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    drawPaper();
  });
}

ink.addEventListener("moved", () => {
  soon();
  if (!ink.empty) readInk(false);
});
ink.addEventListener("drawn", soon);
ink.addEventListener("changed", () => {
  drawPaper();
  readInk(true);
});
reader.addEventListener("read", ({ detail }) => show(detail?.found ?? null, detail?.place));
reader.addEventListener("problem", ({ detail }) => tell(detail));

$("undo").onclick = () => ink.undo();
$("redo").onclick = () => ink.redo();
$("clear").onclick = clear;
$("choose").onclick = () => $("file").click();
$("photograph").onclick = () => $("camera").click();
$("save-json").onclick = saveJson;
$("save-png").onclick = savePicture;
for (const id of ["file", "camera"]) {
  $(id).onchange = ({ target }) => {
    open(target.files[0]);
    target.value = "";
  };
}

$("ink").addEventListener("click", (event) => {
  if (!state.picture || !state.found) return;
  const index = state.found.digits.findIndex(({ box }) => {
    const [x, y, width, height] = onPaper(box);
    return event.offsetX >= x && event.offsetX <= x + width && event.offsetY >= y && event.offsetY <= y + height;
  });
  if (index >= 0) choose(index);
});

document.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  const control = event.ctrlKey || event.metaKey;
  if (event.key === "Escape") clear();
  else if (control && key === "z" && !event.shiftKey && !state.picture) ink.undo();
  else if (control && (key === "y" || (key === "z" && event.shiftKey)) && !state.picture) ink.redo();
  else return;
  event.preventDefault();
});
document.addEventListener("paste", ({ clipboardData }) => open(clipboardData?.files[0]));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  $("stage").classList.add("over");
});
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) $("stage").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("stage").classList.remove("over");
  open(event.dataTransfer?.files[0]);
});

new ResizeObserver(() => {
  ink.resize();
  drawPaper();
  drawOverlay();
  if (!state.picture && !ink.empty) readInk(true);
}).observe($("stage"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  drawPaper();
  drawOverlay();
  showDetail(state.found?.digits[chosen()]);
});
