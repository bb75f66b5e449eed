// Books the start that was chosen, if the reader has a token. It computes nothing: the page says what is free, and
// the API decides. The token is kept in this tab's session storage, and is sent to nobody but this address.
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const book = at("book");
  const { sentences, otherwise } = JSON.parse(at("sentences").textContent);
  const { url, organization, zone, party, minutes } = book.dataset;
  const KEPT = "daybook-token:" + organization;
  const STATES = {
    confirmed: "Booked.",
    pending_approval: "Asked for: the venue has to agree first.",
    held: "Held for you: it has to be confirmed before the hold ends.",
  };
  const CHOOSE = at("chosen").textContent;
  let chosen = null;

  const token = () => sessionStorage.getItem(KEPT);

  function say(text, bad = false) {
    at("outcome").className = bad ? "bad" : "";
    at("outcome").textContent = text;
  }

  function show() {
    at("ready").hidden = !(token() && chosen);
    at("without").hidden = Boolean(token());
    at("with").hidden = !token();
    const near = Boolean(chosen || at("outcome").textContent);
    book.classList.toggle("near", near);
    at("aside").hidden = !near;
  }

  // A key of its own for each choice: pressed twice, or once more after a lost answer, it is one booking.
  function key() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (it) => it.toString(16).padStart(2, "0")).join("");
  }

  function choose(link) {
    document.querySelectorAll(".free[aria-current]").forEach((it) => it.removeAttribute("aria-current"));
    link.setAttribute("aria-current", "true");
    const [start, end] = link.querySelectorAll("time");
    const day = link.closest("section").querySelector("h2 time").textContent;
    chosen = { link, key: key(), start: start.dateTime, session: link.dataset.session };
    const until = end.closest(".moment") || end;
    at("chosen").textContent = `${day}, ${start.textContent} to ${until.textContent}`;
    say(token() ? "" : "To book it, put in a token below.");
    show();
    (token() ? at("do") : at("chosen")).focus({ preventScroll: true });
    // Where there is room, the place to book stays in sight, and the chosen time above it; else one goes there.
    (getComputedStyle(book).position === "sticky" ? link : book).scrollIntoView({ block: "nearest" });
  }

  function putAside() {
    if (at("aside").hidden) return;
    const link = chosen && chosen.link;
    if (link) link.removeAttribute("aria-current");
    chosen = null;
    at("chosen").textContent = CHOOSE;
    say("");
    show();
    if (link) link.focus();
  }

  function moment(text) {
    const one = new Date(text);
    const here = (form) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...form });
    const dated = here({ day: "numeric", month: "long", year: "numeric" });
    // On the day on which the clocks change the page says offsets, and so does this.
    const offset = at("chosen").textContent.includes("UTC") ? { timeZoneName: "longOffset" } : {};
    const time = here({ hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...offset }).format(one);
    if (chosen && dated.format(one) === dated.format(new Date(chosen.start))) return time;
    return here({ weekday: "short", day: "numeric", month: "long" }).format(one) + ", " + time;
  }

  function told(name, value) {
    if (name === "latest") {
      const form = { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
      return new Intl.DateTimeFormat("en-GB", form).format(new Date(value));
    }
    return ["until", "earliest", "resets_at"].includes(name) ? moment(value) : String(value);
  }

  // The first sentence whose gaps can all be filled, as on the page.
  function sentence(reason) {
    const gaps = (it) => Array.from(it.matchAll(/\{(\w+)\}/g), (gap) => gap[1]);
    const known = (name) => reason[name] !== undefined && reason[name] !== null && !(name === "free" && !reason.free);
    const found = (sentences[reason.code] || []).find((it) => gaps(it).every(known)) || otherwise;
    return found.replace(/\{(\w+)\}/g, (_, name) => told(name, reason[name]));
  }

  function why(problem) {
    const reasons = [...new Set((problem.reasons || []).map(sentence))];
    if (reasons.length) return "This cannot be booked any more.\n" + reasons.map((it) => it + ".").join("\n");
    const wrong = (problem.errors || []).map((it) => it.message);
    return wrong.length ? wrong.join("\n") : problem.detail || problem.title || "It could not be booked.";
  }

  async function send() {
    const asked = { ...chosen };
    at("do").disabled = true;
    say("Booking…");
    try {
      const answer = await fetch(asked.session ? `/api/v1/sessions/${asked.session}/bookings` : url, {
        method: "POST",
        headers: {
          "Authorization": "Bearer " + token(),
          "Content-Type": "application/json",
          "Daybook-Organization": organization,
          "Idempotency-Key": asked.key,
        },
        body: JSON.stringify(asked.session ? { seats: Number(party), then: "confirm" } : {
          starts_at: asked.start, party_size: Number(party), minutes: Number(minutes), then: "confirm",
        }),
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      const found = await answer.json();
      if (answer.ok) {
        say(`${STATES[found.status] || "Done."} Your reference is ${found.reference}.`);
        asked.link.removeAttribute("aria-current");
        if (chosen && chosen.key === asked.key) {
          chosen = null;
          at("chosen").textContent = "Choose another time, or load the page anew to see what is left.";
        }
      } else if (answer.status === 401) {
        sessionStorage.removeItem(KEPT);
        say("This token is not accepted, or not any more. Put in another one.", true);
      } else {
        say(why(found), true);
      }
    } catch {
      say("No answer came. Press again: it will be one booking all the same.", true);
    } finally {
      at("do").disabled = false;
      show();
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.free");
    if (!link) return;
    event.preventDefault();
    choose(link);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && putAside());
  at("aside").addEventListener("click", putAside);
  at("do").addEventListener("click", send);
  at("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = at("token").value.trim().replace(/^Bearer\s+/i, "");
    at("token").value = "";
    if (!/^[\x21-\x7e]+$/.test(given)) {
      say("A token is one line of letters, digits, dots and dashes.", true);
      return;
    }
    sessionStorage.setItem(KEPT, given);
    say("");
    show();
    (chosen ? at("do") : at("chosen")).focus();
  });
  at("forget").addEventListener("click", () => {
    sessionStorage.removeItem(KEPT);
    say("");
    show();
    at("token").focus();
  });
  at("token-form").hidden = false;
  show();
})();
