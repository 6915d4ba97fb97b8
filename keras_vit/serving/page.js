"use strict";
// Sends a photo to the server, and shows the answer. Texts of others go in as text only.
const $ = (id) => document.getElementById(id);
const facts = JSON.parse(document.querySelector("main").dataset.facts);
let photo = null, number = 0;

function element(kind, text, parent, attributes = {}) {
  const made = document.createElement(kind);
  if (text !== null) made.textContent = text;
  Object.assign(made, attributes);
  parent.append(made);
  return made;
}

async function ask(path, file, own) {
  if (file.size > facts.bytes) {
    throw new Error(`The file has more than the limit of ${facts.bytes / 1e6} MB.`);
  }
  const form = new FormData();
  form.append("file", file, file.name || "pasted image");
  const reply = await fetch(path, { method: "POST", body: form });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.error);
  if (own !== number) throw new Error("");  // another photo came meanwhile
  return answer;
}

async function during(text, work) {
  const own = number;
  $("status").textContent = text;
  $("problem").textContent = "";
  try {
    await work(own);
  } catch (error) {
    const lost = error instanceof TypeError;
    const why = lost ? "The server cannot be reached, or refused the file." : error.message;
    if (own === number) $("problem").textContent = why;
  }
  if (own === number) $("status").textContent = "";
}

function share(value) {
  if (value > 0 && value < 0.001) return "< 0.1 %";
  if (value < 1 && value > 0.999) return "> 99.9 %";
  return `${(100 * value).toFixed(1)} %`;
}

function show(answer) {
  const rows = answer.objects || answer.classes;
  if (answer.picture) $("photo").src = answer.picture;
  $("photo").alt = answer.file;
  const table = element("table", null, $("found"));
  for (const row of rows) {
    const value = row.probability ?? row.share ?? row.score;
    const line = element("tr", null, table);
    element("td", row.class, line);
    element("td", share(value), line);
    const bar = element("td", null, line);
    element("meter", share(value), bar, { min: 0, max: 1, value, ariaLabel: row.class });
  }
  if (!rows.length) element("p", "Nothing was found.", $("found"));
  $("explain").hidden = !facts.explains;
}

function take(file) {
  if (!file) return;
  photo = file;
  number += 1;
  for (const id of ["found", "views"]) $(id).replaceChildren();
  $("explain").hidden = true;
  if ($("photo").src.startsWith("blob:")) URL.revokeObjectURL($("photo").src);
  $("photo").src = URL.createObjectURL(file);
  $("photo").hidden = false;
  during("Looking at it ...", async (own) => show(await ask("predict?picture=true", file, own)));
}

$("explain").addEventListener("click", () => {
  $("views").replaceChildren();
  during("Looking closer; this may take a while ...", async (own) => {
    const answer = await ask("explain", photo, own);
    for (const view of answer.views) {
      const figure = element("figure", null, $("views"));
      element("img", null, figure, { src: view.picture, alt: view.title });
      const caption = element("figcaption", null, figure);
      element("b", view.title, caption);
      element("div", view.note, caption);
    }
    for (const why of answer.not_offered) element("p", why, $("views"), { className: "note" });
  });
});

$("file").addEventListener("change", (event) => {
  take(event.target.files[0]);
  event.target.value = "";  // so that the same file can be chosen again
});
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, () => $("drop").classList.remove("over"));
}
document.addEventListener("drop", (event) => {
  event.preventDefault();
  take(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
