
"use strict";
/*
 * Renews the page while somebody looks at it, says how long ago things were,
 * and which cluster has gone silent. Without it the page is whole.
 */
(() => {
	const EVERY = 5000, SLOWEST = 60000, SILENT = 30 * 60;
	const link = document.getElementById("link");
	let main = document.querySelector("main");
	let shown = main.innerHTML;	/* as it came */
	let tag = null, skew = 0, lost = null, wait = EVERY;
	let timer = null, busy = false;

	const now = () => (Date.now() + skew) / 1000;

	const ago = (s) => {
		for (const [name, size] of [["day", 86400], ["hour", 3600],
				["minute", 60]]) {
			const n = Math.floor(s / size);
			if (n >= 1)
				return n + " " + name + (n > 1 ? "s" : "") +
					" ago";
		}
		return "just now";
	};

	const tell_silence = (cluster, silent) => {
		const note = cluster.querySelector(".silence");
		if (silent === (note !== null))
			return;
		cluster.classList.toggle("silent", silent);
		if (!silent) {
			note.remove();
			return;
		}
		const p = document.createElement("p");
		const word = document.createElement("strong");
		p.className = "silence";
		word.textContent = "Silent";
		p.append(word, ": no report for more than half an hour. " +
			"What stands here may be so no longer.");
		cluster.querySelector("dl").after(p);
	};

	const tell = () => {
		for (const t of main.querySelectorAll("time")) {
			const s = now() - Date.parse(t.dateTime) / 1000;
			if (!t.title)
				t.title = t.textContent;
			/* a clock that is behind */
			t.textContent = s < -60 ? t.title : ago(s);
		}
		for (const heard of main.querySelectorAll(".heard"))
			tell_silence(heard.closest(".cluster"), now() -
				Date.parse(heard.dateTime) / 1000 > SILENT);
		link.textContent = lost === null ? "" :
			"Cannot reach the Git host since " + lost + ".";
	};

	const take = (text) => {
		const came = new DOMParser().parseFromString(text, "text/html");
		const next = came.querySelector("main");
		if (!next)
			throw new Error("no page");
		document.title = came.title;
		if (next.innerHTML === shown)
			return;
		shown = next.innerHTML;
		next.remove();
		main.replaceWith(document.adoptNode(next));
		main = document.querySelector("main");
	};

	const look = async () => {
		const headers = tag ? { "If-None-Match": tag } : {};
		const answer = await fetch(location.href, {
			headers, cache: "no-store", credentials: "same-origin",
			signal: AbortSignal.timeout(20000),
		});
		const date = Date.parse(answer.headers.get("Date") || "");
		if (date)
			skew = date - Date.now();
		if (answer.status === 304)
			return;
		if (!answer.ok)
			throw new Error(String(answer.status));
		take(await answer.text());
		tag = answer.headers.get("ETag");
	};

	/* while nobody looks, nothing is asked */
	const turn = async () => {
		timer = null;
		if (document.hidden || busy)
			return;
		busy = true;
		try {
			await look();
			lost = null;
			wait = EVERY;
		} catch {
			lost = lost || new Date(Date.now() + skew).toISOString()
				.slice(11, 19) + " UTC";
			wait = Math.min(wait * 2, SLOWEST);
		}
		busy = false;
		tell();
		timer = setTimeout(turn, wait);
	};

	document.addEventListener("visibilitychange", () => {
		if (!document.hidden && timer === null)
			turn();
	});
	tell();
	turn();
})();
