// What was read, shown: text, boxes, one digit in full.

const $ = (id) => document.getElementById(id);
// Never quite all, as in the command.
const whole = (share) => (share < 1 && share >= 0.995 ? ">99" : (100 * share).toFixed(0));
const percent = (share) =>
  share < 1 && share >= 0.9995 ? ">99.9" : (100 * share).toFixed(share < 0.0005 ? 0 : 1);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const SURE = "#005ab5";
export const UNSURE = "#c44e00";

/** Make a canvas as sharp as the screen; its unit is a CSS pixel. */
export function prepared(canvas) {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}

/** Show the text, its warnings, and a button for each digit; `found` null for nothing. */
export function showReading(found, chosen, choose) {
  const text = found ? found.text : "";
  const shown = text || (found ? "No digits found" : "");
  if ($("text").textContent !== shown) $("text").textContent = shown;
  $("text").classList.toggle("long", !text || text.length > 24);
  $("warnings").textContent = found ? found.warnings.join(" ") : "";
  showButtons(found?.digits ?? [], chosen, choose);
  for (const id of ["save-json", "save-png"]) $(id).disabled = !found;
}

function showButtons(digits, chosen, choose) {
  const group = $("digits");
  while (group.children.length > digits.length) group.lastChild.remove();
  digits.forEach((digit, i) => {
    const button = group.children[i] ?? group.appendChild(document.createElement("button"));
    const share = document.createElement("small");
    share.textContent = `${whole(digit.confidence)} %`;
    button.replaceChildren(String(digit.digit ?? "?"), share);
    button.className = digit.digit === null ? "unsure" : "";
    button.setAttribute("aria-pressed", String(i === chosen));
    button.onclick = () => choose(i);
  });
}

/** Draw boxes and digits; `to` takes a box of the picture to where it is drawn. */
export function drawBoxes(context, digits, to, { chosen = -1, sure, unsure, paper, ratio = 1 }) {
  digits.forEach((digit, i) => {
    const [x, y, width, height] = to(digit.box);
    const colour = digit.digit === null ? unsure : sure;
    const room = 4 * ratio;
    context.strokeStyle = colour;
    context.lineWidth = (i === chosen ? 3 : 1.5) * ratio;
    context.strokeRect(x - room, y - room, width + 2 * room, height + 2 * room);
    const size = Math.min(22, Math.max(12, (height / ratio) * 0.3)) * ratio;
    context.font = `700 ${size}px system-ui, sans-serif`;
    const label = String(digit.digit ?? "?");
    const wide = context.measureText(label).width + 0.5 * size;
    const above = y - room >= 1.25 * size ? y - room - 1.25 * size : y + height + room;
    context.fillStyle = colour;
    context.fillRect(x - room - context.lineWidth / 2, above, wide, 1.25 * size);
    context.fillStyle = paper;
    context.fillText(label, x - room - context.lineWidth / 2 + 0.25 * size, above + size * 0.99);
  });
}

/** Show one digit in full, as far as it was explained; hide the panel if there is none. */
export function showDetail(digit) {
  $("detail").hidden = !digit?.probabilities;
  if (!digit?.probabilities) return;
  const best = digit.alternatives[0][0];
  showShares(digit.probabilities, best);
  paint($("seen"), (i, j) => ["#fff", digit.image[i][j] / 255]);
  $("seen").setAttribute("aria-label", "The digit as the network saw it, 28 by 28 pixels");
  const most = Math.max(1, ...digit.evidence.flat().map(Math.abs));
  const [forIt, against, ink] = ["--for", "--against", "--edge"].map(style);
  paint($("evidence"), (i, j) => [ink, (0.3 * digit.image[i][j]) / 255],
    (i, j) => [digit.evidence[i][j] > 0 ? forIt : against, Math.abs(digit.evidence[i][j]) / most]);
  const opposed = digit.evidence.flat().some((each) => each < -0.1 * most);
  $("evidence").setAttribute("aria-label", `Where the ink speaks for ${best}, in blue, and against it, ` +
    `in orange${opposed ? "" : ": hardly any is against"}`);
  $("likeliest").textContent = String(best);
}

function paint(canvas, ...layers) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, 28, 28);
  for (const layer of layers) {
    for (let i = 0; i < 28; i++) {
      for (let j = 0; j < 28; j++) {
        const [colour, alpha] = layer(i, j);
        context.globalAlpha = alpha;
        context.fillStyle = colour;
        if (alpha) context.fillRect(j, i, 1, 1);
      }
    }
  }
  context.globalAlpha = 1;
}

function showShares(shares, best) {
  const none = Math.max(0, 1 - shares.reduce((sum, share) => sum + share, 0));
  const body = $("shares");
  [...shares, none].forEach((share, i) => {
    const row = body.children[i] ?? body.appendChild(newRow(i < 10 ? String(i) : "no digit"));
    row.className = i === 10 ? "none" : i === best ? "best" : "";
    row.querySelector(".meter").style.width = `${100 * share}%`;
    row.lastChild.textContent = percent(share);
  });
}

function newRow(name) {
  const row = document.createElement("tr");
  const [head, bar, share] = ["th", "td", "td"].map((tag) => document.createElement(tag));
  head.scope = "row";
  head.textContent = name;
  bar.className = "wide";
  bar.appendChild(document.createElement("div")).className = "meter";
  row.append(head, bar, share);
  return row;
}
