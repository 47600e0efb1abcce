// Keeps the inspector fresh: fetches it again, swaps the sections that have changed, counts down.
// Without it the page works all the same; it is then as of when it was loaded.
const sections = () => document.querySelectorAll("section");
const seen = new Map(Array.from(sections(), (own) => [own.id, own.innerHTML]));
const state = document.getElementById("state");

const swap = (own, fresh) => {
  const focused = own.contains(document.activeElement) ? document.activeElement.id : "";
  for (const details of fresh.querySelectorAll("details")) {
    details.open = document.getElementById(details.id)?.open ?? false;
  }
  own.replaceChildren(...fresh.childNodes);
  if (focused) (document.getElementById(focused) ?? own.querySelector("h2")).focus();
};

const refresh = async () => {
  const answer = await fetch("/inspector");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const fresh of page.querySelectorAll("section")) {
    if (seen.get(fresh.id) === fresh.innerHTML) continue;
    seen.set(fresh.id, fresh.innerHTML);
    swap(document.getElementById(fresh.id), fresh);
  }
};

const countDown = () => {
  for (const element of document.querySelectorAll("[data-until]")) {
    const left = Math.ceil(Number(element.dataset.until) - Date.now() / 1000);
    element.textContent = left > 0 ? `expires in ${left} s` : "expired";
  }
};

// What came of the last button.
let outcome = "";

const say = (text) => {
  const whole = `${outcome} ${text}`.trim();
  if (state.textContent !== whole) state.textContent = whole;
};

const live = async () => {
  try {
    if (!document.hidden) await refresh();
    say("Live. Times are in UTC.");
  } catch {
    say("The stand-in has ended; this is how it was.");
  }
  countDown();
};

document.getElementById("actions").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, value, textContent } = event.submitter;
  const body = new URLSearchParams({ [name]: value });
  const answer = await fetch("/inspector", { method: "POST", body }).catch(() => null);
  outcome = `${textContent}: ${answer?.ok ? "done." : "not possible any more."}`;
  await live();
});

live();
setInterval(live, 1000);
