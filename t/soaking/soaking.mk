# t/soaking: what t/soak does at random, and how it is judged.
EXTRA_DIST += t/soak t/soaking/content.py t/soaking/host.py \
	t/soaking/judge.py t/soaking/live.py t/soaking/main.py \
	t/soaking/processes.py t/soaking/report.py t/soaking/rounds.py
