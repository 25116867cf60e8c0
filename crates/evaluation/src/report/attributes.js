"use strict";
// Sorts and filters the table of attributes, and shows only the first rows of a long one. The page is whole without it.
(() => {
  const FIRST = 100;
  const byId = (id) => document.getElementById("attributes-" + id);
  const table = byId("table");
  if (!table) return;
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const titles = headings.map((heading) => heading.textContent.trim());
  const isWords = headings.map((heading, column) => column === 0 || heading.classList.contains("words"));
  const kindColumn = titles.indexOf("Kind");
  const [words, kind, count, all] = ["words", "kind", "count", "all"].map(byId);

  const value = (cell, column) => {
    const text = cell.textContent.trim();
    if (isWords[column]) return text.toLowerCase();
    return text === "–" ? null : Number(text.replaceAll(",", ""));
  };
  let rows = [...body.rows].map((row) => ({
    row,
    values: [...row.cells].map(value),
    kind: kindColumn < 0 ? "" : row.cells[kindColumn].textContent,
  }));

  const show = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const ofKind = kind ? kind.value : "";
    const limit = all.getAttribute("aria-pressed") === "true" ? Infinity : FIRST;
    let found = 0;
    for (const { row, values, kind: own } of rows) {
      const text = values[0] + " " + values[1];
      const fits = (ofKind === "" || own === ofKind) && wanted.every((word) => text.includes(word));
      if (fits) found += 1;
      row.hidden = !fits || found > limit;
    }
    const grouped = (number) => number.toLocaleString("en-US");
    const shown = Math.min(found, limit);
    const some = shown < found ? "the first " + grouped(shown) + " of " + grouped(found) : grouped(found);
    count.textContent = "Showing " + some + (found < rows.length ? ", filtered from " + grouped(rows.length) : "");
    all.hidden = found <= FIRST;
    all.textContent = limit === FIRST ? "Show all " + grouped(found) : "Show the first " + FIRST;
  };

  // What has no number stands last in both directions; equal rows keep their order.
  const sort = (column) => {
    const before = headings[column].getAttribute("aria-sort");
    const first = isWords[column] ? "ascending" : "descending";
    const other = isWords[column] ? "descending" : "ascending";
    const direction = before === first ? other : first;
    headings.forEach((heading) => heading.removeAttribute("aria-sort"));
    headings[column].setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    rows.sort((a, b) => {
      const [x, y] = [a.values[column], b.values[column]];
      if (x === null || y === null) return (x === null) - (y === null);
      return x < y ? -sign : x > y ? sign : 0;
    });
    body.append(...rows.map(({ row }) => row));
    show();
  };

  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = titles[column];
    button.addEventListener("click", () => sort(column));
    heading.replaceChildren(button);
  });
  words.addEventListener("input", show);
  if (kind) kind.addEventListener("change", show);
  all.addEventListener("click", () => {
    all.setAttribute("aria-pressed", String(all.getAttribute("aria-pressed") !== "true"));
    show();
  });
  byId("controls").hidden = false;
  show();
})();
