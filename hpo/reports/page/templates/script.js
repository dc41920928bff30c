"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const shown = (number) => Number(number).toLocaleString("en");

  // Commands can be copied.
  for (const lines of all(".lines")) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy" });
    button.onclick = async () => {
      const text = lines.querySelector("pre").textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(lines.querySelector("pre"));
        button.textContent = "Selected";
      }
    };
    lines.append(button);
  }

  // All trials: sorted, filtered, saved as CSV.
  const value = (text) => {
    const number = Number(text.replaceAll(",", ""));
    return text === "" || text === "-" ? null : Number.isNaN(number) ? text : number;
  };
  const compare = { "=": (a, b) => a == b, ">": (a, b) => a > b, "<": (a, b) => a < b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b, "!=": (a, b) => a != b };
  const FIRST = 100;  // rows of the table at a time: a thousand rows of a wide space would be 200,000 cells
  for (const box of all(".trials")) {
    const body = box.querySelector("tbody");
    const names = all("th", box).map((cell) => cell.textContent);
    const rows = all("tr", body).map((row) => all("td", row).map((cell) => cell.textContent));
    rows.push(...JSON.parse(box.querySelector("script").textContent));
    const output = box.querySelector("output"), filter = box.querySelector(".filter"), more = box.querySelector(".more");
    let matching = rows, drawn = 0;
    const draw = (count) => {
      for (const cells of matching.slice(drawn, drawn + count)) {
        const row = document.createElement("tr");
        for (const text of cells) row.append(Object.assign(document.createElement("td"), { textContent: text }));
        body.append(row);
      }
      drawn = Math.min(matching.length, drawn + count);
      const left = matching.length - drawn;
      more.hidden = !left;
      more.textContent = `Show ${Math.min(left, FIRST)} more`;
      output.textContent = `${shown(drawn)} of ${matching.length === rows.length ? "" : `${shown(matching.length)} matching of `}${shown(rows.length)} trials shown`;
    };
    const update = () => {
      const condition = /^\s*([^=<>!]+?)\s*(>=|<=|!=|=|>|<)\s*(.+?)\s*$/.exec(filter.value);
      const column = condition ? names.indexOf(condition[1]) : -1;
      const word = filter.value.trim().toLowerCase();
      matching = rows.filter((cells) => {
        const own = column >= 0 ? value(cells[column]) : null;
        return column >= 0 ? own !== null && compare[condition[2]](own, value(condition[3]))
          : cells.some((text) => text.toLowerCase().includes(word));
      });
      body.replaceChildren();
      drawn = 0;
      draw(FIRST);
    };
    filter.oninput = update;
    more.onclick = () => draw(FIRST);
    all("th", box).forEach((cell, column) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: cell.textContent });
      button.onclick = () => {
        const rising = cell.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        all("th", box).forEach((other) => other.removeAttribute("aria-sort"));
        cell.setAttribute("aria-sort", rising > 0 ? "ascending" : "descending");
        rows.sort((one, two) => {
          const a = value(one[column]), b = value(two[column]);
          if (a === null || b === null) return (a === null) - (b === null);
          if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
          return rising * (a < b ? -1 : a > b ? 1 : 0);
        });
        update();
      };
      cell.replaceChildren(button);
    });
    box.querySelector(".csv").onclick = () => {
      const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
      const lines = [names, ...matching].map((cells) => cells.map(quoted).join(","));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
      link.download = box.dataset.file;
      link.click();
    };
    box.querySelector(".controls").hidden = false;
    update();
  }

  // Parallel coordinates: the best k, and ranges dragged along the axes.
  for (const figure of all("figure.scrolls")) {
    const svg = figure.querySelector("svg"), paths = all(".trial", svg), brushes = all(".brush", svg);
    if (!paths.length) continue;
    const heights = new Map(paths.map((path) => [path, path.getAttribute("d").slice(1).split("L").map((point) => Number(point.split(" ")[1]))]));
    const ranges = new Map();
    const best = figure.querySelector(".best"), output = figure.querySelector("output");
    best.max = paths.length;
    best.value = paths.length;
    const update = () => {
      let kept = 0;
      for (const path of paths) {
        const own = heights.get(path);
        const inside = Number(path.dataset.rank) < Number(best.value) && [...ranges].every(([axis, [low, high]]) => own[axis] >= low && own[axis] <= high);
        path.classList.toggle("out", !inside);
        kept += inside;
      }
      output.textContent = `${shown(best.value)}; ${shown(kept)} of ${shown(paths.length)} trials shown`;
    };
    best.oninput = update;
    const at = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse()).y;
    brushes.forEach((brush, axis) => {
      let start = null;
      const chosen = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      chosen.classList.add("chosen");
      brush.onpointerdown = (event) => {
        start = at(event);
        ranges.delete(axis);
        chosen.remove();
        brush.setPointerCapture(event.pointerId);
        update();
      };
      brush.onpointermove = (event) => {
        if (start === null) return;
        const [low, high] = [start, at(event)].sort((a, b) => a - b);
        if (high - low < 4) return;
        ranges.set(axis, [low, high]);
        for (const [name, value] of Object.entries({ x: Number(brush.dataset.x) - 8, y: low, width: 16, height: high - low })) chosen.setAttribute(name, value);
        svg.append(chosen);
        update();
      };
      brush.onpointerup = brush.onpointercancel = () => { start = null; };
    });
    figure.querySelector(".clear").onclick = () => {
      ranges.clear();
      all(".chosen", svg).forEach((chosen) => chosen.remove());
      best.value = paths.length;
      update();
    };
    figure.querySelector(".controls").hidden = false;
    update();
  }
})();
