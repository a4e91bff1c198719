// A reader's hand on the management page: everything is found by the words that the page shows.
const hand = (() => {
  const words = (node) => node.textContent.replace(/\s+/g, " ").trim().replace(/:$/, "");
  const find = (nodes, wanted, what) => {
    const found = [...nodes].find((node) => words(node) === wanted);
    if (!found) throw new Error(`no ${what} "${wanted}" among ${[...nodes].map(words).join(" | ")}`);
    return found;
  };
  const section = (title) => find(document.querySelectorAll("h2"), title, "heading").parentElement;
  const change = (control, value) => {
    control.value = value;
    control.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };
  const field = (place, label) =>
    find(place.querySelectorAll("th"), label, "field").parentElement.querySelector("input, select, textarea");
  const press = (place, button) => {
    const buttons = [...place.querySelectorAll("input[type=submit]")];
    const found = buttons.find((input) => input.value === button);
    if (!found) throw new Error(`no button "${button}" among ${buttons.map((input) => input.value).join(" | ")}`);
    found.click();
    return true;
  };
  const logIn = (user, password) => {
    change(field(document, "Username"), user);
    change(field(document, "Password"), password);
    return press(document, "Login");
  };
  const has = (selector, wanted) => [...document.querySelectorAll(selector)].some((node) => words(node) === wanted);
  const follow = (text) => {
    find(document.querySelectorAll("#tabs a, table.list a"), text, "link").click();
    return true;
  };
  const open = (title) => {
    // Without this a picture may show a section that is half open.
    jQuery.fx.off = true;
    const closed = section(title).querySelector(".hider").offsetHeight === 0;
    if (closed) section(title).querySelector("h2").click();
    return true;
  };
  const fill = (title, label, text) => change(field(section(title), label), text);
  const choose = (title, label, text) => {
    const menu = field(section(title), label);
    return change(menu, find(menu.options, text, "choice").value);
  };
  // What the latest "Get Message(s)" brought: a table of facts, empty when there is none.
  const got = () =>
    Object.fromEntries(
      [...document.querySelectorAll("#msg-wrapper tr")].map((row) => [
        row.querySelector("th").firstChild.textContent.trim(),
        words(row.querySelector("td")),
      ]),
    );
  const forget = () => {
    document.querySelector("#msg-wrapper").replaceChildren();
    document.querySelectorAll(".form-popup-info").forEach((popup) => popup.remove());
    return true;
  };
  const depth = () => {
    const ready = [...document.querySelectorAll("#main table.legend th")].find((node) => words(node) === "Ready");
    return ready ? words(ready.parentElement.querySelector("td")) : null;
  };
  const clip = (title) => {
    const box = section(title).getBoundingClientRect();
    return { x: box.x + scrollX - 8, y: box.y + scrollY - 8, width: 740, height: box.height + 16 };
  };
  return { choose, clip, depth, fill, follow, forget, got, has, logIn, open, press: (title, button) => press(section(title), button) };
})();
