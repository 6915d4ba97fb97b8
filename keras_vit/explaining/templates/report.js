"use strict";
(() => {
  const settings = JSON.parse(document.getElementById("settings").textContent);
  const level = new Uint8Array(128);
  [...settings.alphabet].forEach((sign, i) => { level[sign.charCodeAt(0)] = i; });
  const levels = settings.alphabet.length;
  const shades = settings.palette.map((colour) =>
    [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)));

  // Map number `index` of a packed text of maps of `count` values, as shares.
  function unpack(text, index, count) {
    const start = index * (count + 2);
    const at = (i) => level[text.charCodeAt(start + i)];
    const step = (at(0) * levels + at(1)) / (levels * levels - 1);
    const largest = Math.pow(10, settings.decades * (step - 1));
    const values = new Float64Array(count);
    for (let i = 0; i < count; i++) values[i] = largest * at(i + 2) / (levels - 1);
    return values;
  }

  function meanOf(maps) {
    const mean = new Float64Array(maps[0].length);
    for (const map of maps) map.forEach((value, i) => { mean[i] += value / maps.length; });
    return mean;
  }

  const percent = (share) => (100 * share).toFixed(share < 0.0995 ? 1 : 0) + "\u00a0%";

  class Explorer {
    constructor(root) {
      this.root = root;
      this.data = JSON.parse(root.querySelector(".data").textContent);
      this.layer = this.data.layers - 1;
      this.head = -1;
      this.query = null;  // a patch, or null for the whole image
      this.kept = null;
      const find = (name) => root.querySelector(name);
      this.slider = find(".layer");
      this.number = find("output");
      this.select = find(".head");
      this.whole = find(".whole");
      this.picker = find(".picker");
      this.status = find(".status");
      this.shade = find(".shade");
      this.heat = find(".heat");
      this.cells = find(".cells");
      this.pick = find(".pick");
      this.panels = [...root.querySelectorAll(".panel")];
      this.cursors = [...root.querySelectorAll(".cursor")];
      const picture = root.closest("article").querySelector("img.picture");
      for (const panel of this.panels.slice(0, 2)) {
        const copy = picture.cloneNode();
        copy.alt = "";
        copy.draggable = false;
        panel.prepend(copy);
      }
      this.listen();
      find(".live").hidden = false;
      this.pick.hidden = false;
      this.draw();
    }

    listen() {
      this.slider.addEventListener("input", () => this.choose(this.slider.value - 1, this.head));
      this.select.addEventListener("change", () => this.choose(this.layer, +this.select.value));
      this.whole.addEventListener("click", () => this.keep(null));
      this.cells.addEventListener("click", (event) => {
        const box = this.cells.getBoundingClientRect();
        const columns = this.data.heads + 1;
        const row = Math.floor((event.clientY - box.top) / box.height * this.data.layers);
        const column = Math.floor((event.clientX - box.left) / box.width * columns);
        this.kept = null;
        this.query = null;
        this.choose(Math.max(0, Math.min(row, this.data.layers - 1)),
          Math.max(0, Math.min(column, columns - 1)) - 1);
      });
      for (const panel of this.panels) {
        panel.addEventListener("pointermove", (event) => this.show(this.under(event, panel)));
        panel.addEventListener("pointerleave", () => this.show(this.kept));
        panel.addEventListener("click", (event) => {
          const patch = this.under(event, panel);
          this.keep(patch === this.kept ? null : patch);
        });
      }
      this.picker.addEventListener("keydown", (event) => this.press(event));
      this.picker.addEventListener("focus", () => {
        if (this.picker.matches(":focus-visible") && this.query === null) this.show(this.middle());
      });
      this.picker.addEventListener("blur", () => this.show(this.kept));
    }

    under(event, panel) {
      const [rows, columns] = this.data.patchesGrid;
      const box = panel.getBoundingClientRect();
      const inside = (share, count) => Math.max(0, Math.min(Math.floor(share * count), count - 1));
      return inside((event.clientY - box.top) / box.height, rows) * columns
        + inside((event.clientX - box.left) / box.width, columns);
    }

    middle() {
      const [rows, columns] = this.data.patchesGrid;
      return Math.floor(rows / 2) * columns + Math.floor(columns / 2);
    }

    press(event) {
      const [rows, columns] = this.data.patchesGrid;
      const patch = this.query === null ? this.middle() : this.query;
      let row = Math.floor(patch / columns), column = patch % columns;
      switch (event.key) {
        case "ArrowUp": row = Math.max(0, row - 1); break;
        case "ArrowDown": row = Math.min(rows - 1, row + 1); break;
        case "ArrowLeft": column = Math.max(0, column - 1); break;
        case "ArrowRight": column = Math.min(columns - 1, column + 1); break;
        case "Home": column = 0; break;
        case "End": column = columns - 1; break;
        case "Enter": case " ": this.kept = patch; break;
        case "Escape": event.preventDefault(); this.keep(null); return;
        default: return;
      }
      event.preventDefault();
      this.show(row * columns + column);
    }

    choose(layer, head) {
      this.layer = layer;
      this.head = head;
      this.draw();
    }

    keep(patch) {
      this.kept = patch;
      this.show(patch);
    }

    show(patch) {
      if (patch === this.query) return;
      this.query = patch;
      this.draw();
    }

    // The map to draw, its grid, and whether it is of the chosen head.
    current() {
      const data = this.data, heads = [...Array(data.heads).keys()];
      if (this.query === null) {
        const [rows, columns] = data.summaryGrid;
        const of = (head) => unpack(data.summary, this.layer * data.heads + head, rows * columns);
        return [this.head < 0 ? meanOf(heads.map(of)) : of(this.head), rows, columns];
      }
      const [rows, columns] = data.patchesGrid;
      const count = rows * columns, text = data.patches[this.layer];
      if (!data.everyHead) return [unpack(text, this.query, count), rows, columns];
      const of = (head) => unpack(text, head * count + this.query, count);
      return [this.head < 0 ? meanOf(heads.map(of)) : of(this.head), rows, columns];
    }

    draw() {
      const [map, rows, columns] = this.current();
      this.paint(map, rows, columns);
      this.mark();
      this.tell(map, columns);
    }

    paint(map, rows, columns) {
      const largest = Math.max(...map) || 1;
      const heat = new ImageData(columns, rows), shade = new ImageData(columns, rows);
      map.forEach((value, i) => {
        const share = value / largest;
        heat.data.set([...shades[Math.round(share * (levels - 1))], 255], 4 * i);
        shade.data[4 * i + 3] = 255 * 0.85 * (1 - share);  // black that hides
      });
      for (const [canvas, pixels] of [[this.heat, heat], [this.shade, shade]]) {
        canvas.width = columns;
        canvas.height = rows;
        canvas.getContext("2d").putImageData(pixels, 0, 0);
      }
    }

    // Where the cursor, the chosen map and the controls are.
    mark() {
      const [rows, columns] = this.data.patchesGrid, place = (box, x, y, width, height) => {
        Object.assign(box.style, {
          left: 100 * x + "%", top: 100 * y + "%", width: 100 * width + "%", height: 100 * height + "%",
        });
      };
      for (const cursor of this.cursors) {
        cursor.hidden = this.query === null;
        if (this.query === null) continue;
        place(cursor, this.query % columns / columns, Math.floor(this.query / columns) / rows,
          1 / columns, 1 / rows);
      }
      // Each map of the mosaic has a line of nothing to its right and below.
      const heads = this.data.heads + 1, layers = this.data.layers, [high, wide] = this.data.grid;
      place(this.pick, (this.head + 1) / heads, this.layer / layers,
        wide / (wide + 1) / heads, high / (high + 1) / layers);
      this.slider.value = this.layer + 1;
      this.number.textContent = this.layer + 1;
      this.select.value = this.head;
      this.whole.setAttribute("aria-pressed", String(this.query === null));
    }

    tell(map, columns) {
      const where = (i, width) => `row ${Math.floor(i / width) + 1}, column ${i % width + 1}`;
      const mean = this.head < 0 || (this.query !== null && !this.data.everyHead);
      const who = this.query === null ? this.status.dataset.summary
        : "Patch in " + where(this.query, this.data.patchesGrid[1]);
      const best = map.indexOf(Math.max(...map));
      const sum = map.reduce((total, value) => total + value, 0);
      this.status.textContent = `Layer ${this.layer + 1}, `
        + (mean ? "mean of the heads" : `head ${this.head + 1}`)
        + `. ${who}: ${percent(Math.min(sum, 1))} to patches, most to ${where(best, columns)} `
        + `(${percent(map[best])}).`;
    }
  }

  document.documentElement.classList.add("js");
  for (const root of document.querySelectorAll(".explorer")) new Explorer(root);
})();
