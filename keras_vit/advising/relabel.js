// Fills the choices of classes, and saves the list with the labels that were chosen.
const { rows, names } = JSON.parse(document.getElementById("list").textContent);
const LEAVE_OUT = "(leave out)";
const chosen = new Map();
for (const select of document.querySelectorAll("select[data-row]")) {
  const first = [...select.options].map((option) => option.value);
  const rest = [...names.filter((name) => !first.includes(name)), LEAVE_OUT];
  for (const name of rest) select.add(new Option(name));
  select.addEventListener("change", () => {
    const row = Number(select.dataset.row);
    if (select.value === rows[row][1]) chosen.delete(row);
    else chosen.set(row, select.value);
    document.getElementById("changed").textContent = `${chosen.size} changed`;
  });
}
const cell = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
document.getElementById("save").addEventListener("click", () => {
  const lines = ["file,label,split"];
  rows.forEach(([file, label, split], row) => {
    const name = chosen.get(row) ?? label;
    if (name !== LEAVE_OUT) lines.push([file, name, split].map(cell).join(","));
  });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  link.download = "relabel.csv";
  link.click();
});
