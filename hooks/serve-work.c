/*
 * Publishing and refreshing without being asked: whatever killed a hook, or
 * moved the ref without one, is caught up with here, and heads get new times
 * before they expire. The work is done by children of this program, so that
 * serving never waits for it and holds no key.
 */
#include "config.h"
#include "hooks/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hooks/concern.h"
#include "hooks/record.h"
#include "hooks/upload-start.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"

/* children at a time: publishing is bound by the disk */
#define MAX_JOBS 2
/* what is kept of a child's output */
#define JOB_OUTPUT_BYTES LIMIT_FEEDBACK_BYTES
/* a tip that was refused is looked at again, in case the rules changed */
#define REFUSED_RETRY_MS (3600 * 1000)
#define FAILED_RETRY_MS 5000
#define FAILED_RETRY_MAX_MS (300 * 1000)

/* channels whose ref moved that a check looks into, 0.3 ms each */
#define TIPS_A_CHECK 50

/* the commands that children run */
#define PUBLISH "publish"
#define REFRESH "refresh"
#define RECORD "record-reports"
#define ROLLBACK "rollback-failed"

/* what clusters report goes into Git, and into the page of the channel with
 * what was published, by one child at a time, so many times at
 * once for a channel and then one in RECORD_MS: one that says something else
 * each second fills no disk */
#define MAX_RECORDERS 1
/* channels of one run, a few milliseconds each; one that failed runs alone */
#define RECORD_TOGETHER 50
#define RECORDS_AT_ONCE 20
#define RECORD_MS 10000

/* one at a time, which pushes; its hooks may ask us to publish */
#define MAX_UNDOERS 1

struct job {
	pid_t pid;
	const char *command;
	struct source output;
	struct buf text;
};

_Noreturn static void run_child(char *const *argv, int out)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(out, 2) < 0)
		_exit(EXIT_TROUBLE);
	close_range(3, ~0U, 0);
	execv("/proc/self/exe", argv);
	_exit(EXIT_TROUBLE);
}

/* Keeps what fits; the rest is read too, or the child would wait for us. */
static void take_output(struct job *j)
{
	char chunk[8192];
	ssize_t n;

	while ((n = read(j->output.fd, chunk, sizeof(chunk))) > 0) {
		size_t room = j->text.max - j->text.len;

		buf_add(&j->text, chunk,
			(size_t)n < room ? (size_t)n : room);
	}
}

static void output_ready(struct serve *s, struct source *src,
			 uint32_t events)
{
	struct job *j = (struct job *)
		((char *)src - offsetof(struct job, output));

	take_output(j);
	if (events & (EPOLLHUP | EPOLLERR)) {
		int fd = src->fd;

		serve_unwatch(s, src);
		close(fd);
	}
}

/* The child runs for several channels. */
static struct job *fork_job(struct serve *s, struct served *const *channels,
			    size_t n, const char *command, const char *option,
			    struct err *err)
{
	const char *argv[6 + RECORD_TOGETHER + 1] = {
		"windlass-hook", command, option ? option : "--background",
		"--background", "--repo", s->host.config.git_dir,
	};
	struct job *j;
	int fds[2];
	pid_t pid;

	for (size_t i = 0; i < n; i++)
		argv[6 + i] = channels[i]->name;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		err_sys(err, "cannot make a pipe");
		return NULL;
	}
	pid = fork();
	if (pid == 0)
		run_child((char *const *)(uintptr_t)argv, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		err_sys(err, "cannot fork");
		close(fds[0]);
		return NULL;
	}
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	j = xcalloc(1, sizeof(*j));
	j->pid = pid;
	j->command = command;
	j->output.fd = fds[0];
	j->output.ready = output_ready;
	buf_init(&j->text, JOB_OUTPUT_BYTES);
	if (serve_watch(s, &j->output, EPOLLIN, err) < 0)
		log_warn("job-unwatched", LOG_S("error", err->msg));
	for (size_t i = 0; i < n; i++)
		log_debug("job-started", LOG_S("command", command),
			  LOG_S("channel", channels[i]->name));
	return j;
}

struct job *serve_job_fork(struct serve *s, struct served *ch,
			   const char *command, const char *option,
			   struct err *err)
{
	return fork_job(s, &ch, 1, command, option, err);
}

static void start_job(struct serve *s, struct served *ch,
		      const char *command)
{
	struct err err = ERR_INIT;

	ch->job = serve_job_fork(s, ch, command, NULL, &err);
	if (!ch->job) {
		log_error("job-failed", LOG_S("command", command),
			  LOG_S("channel", ch->name), LOG_S("error", err.msg));
		ch->retry_at = ch->no_refresh = clock_mono_ms() +
						FAILED_RETRY_MS;
		return;
	}
	s->jobs++;
	if (!strcmp(command, PUBLISH)) {
		ch->retry_at = 0;
		serve_ask_started(s, ch->name);
	}
}

/* ---- the record of reports ---- */

/* When the channel's next run may be, monotonic ms. */
static int64_t record_after(const struct served *ch)
{
	int64_t spaced = ch->record_until - (RECORDS_AT_ONCE - 1) * RECORD_MS;

	return spaced > ch->record_at ? spaced : ch->record_at;
}

/* One run for all of these. */
static void start_recorder(struct serve *s, struct served *const *v, size_t n,
			   int64_t now)
{
	struct err err = ERR_INIT;
	struct job *j = fork_job(s, v, n, RECORD, NULL, &err);

	if (!j)
		log_error("job-failed", LOG_S("command", RECORD),
			  LOG_S("channel", v[0]->name),
			  LOG_S("error", err.msg));
	else
		s->recorders++;
	for (size_t i = 0; i < n; i++) {
		struct served *ch = v[i];

		ch->recorder = j;
		/* what comes from now on is for the next one */
		ch->record_due = !j;
		if (!j)
			ch->record_at = now + FAILED_RETRY_MS;
		if (ch->record_until < now)
			ch->record_until = now;
		ch->record_until += RECORD_MS;
	}
}

/*
 * Starts one, for as many channels as are due in turn. When it wants to look
 * again; INT64_MAX: when it has ended, or something is news.
 */
static int64_t check_recorder(struct serve *s, int64_t now)
{
	size_t turn = s->record_turn, n = 0;
	struct served *due[RECORD_TOGETHER];
	int64_t next = INT64_MAX;

	if (s->recorders >= MAX_RECORDERS)
		return INT64_MAX;
	for (size_t k = 0; k < s->n && n < RECORD_TOGETHER; k++) {
		size_t i = (turn + k) % s->n;
		struct served *ch = s->channels[i];

		if (!ch->record_due || ch->recorder ||
		    !config_channel(&s->host.config, ch->name))
			continue;
		if (record_after(ch) > now) {
			if (record_after(ch) < next)
				next = record_after(ch);
			continue;
		}
		/* whatever is wrong with it must not be so of others */
		if (ch->record_failures && n)
			break;
		due[n++] = ch;
		s->record_turn = i + 1;
		if (ch->record_failures)
			break;
	}
	if (!n)
		return next;
	start_recorder(s, due, n, now);
	return s->recorders ? INT64_MAX : now + FAILED_RETRY_MS;
}

/* One channel after the other: what is due again and again for some must not
 * keep the others waiting for good. */
int64_t serve_record_check(struct serve *s, int64_t now)
{
	size_t notify_turn = s->notify_turn;
	int64_t next = check_recorder(s, now), look;

	for (size_t k = 0; k < s->n; k++) {
		size_t i = (notify_turn + k) % s->n, notifiers = s->notifiers;
		const struct channel_config *cfg =
			config_channel(&s->host.config, s->channels[i]->name);

		if (!cfg)
			continue;
		look = serve_notify_check(s, s->channels[i], cfg, now);
		if (s->notifiers > notifiers)
			s->notify_turn = i + 1;
		if (look < next)
			next = look;
	}
	return next;
}

/* ---- rolling back ---- */

/* As check_recorder. */
static int64_t check_undoer(struct serve *s, struct served *ch,
			    const struct channel_config *cfg, int64_t now)
{
	int64_t next = INT64_MAX;
	struct err err = ERR_INIT;

	if (ch->undoer || s->undoers >= MAX_UNDOERS)
		return INT64_MAX;
	if (now < ch->undo_at && !strcmp(ch->undo_bundle, ch->bundle))
		return ch->undo_at;
	if (!serve_failure_due(s, ch, cfg, now, &next))
		return next;
	memcpy(ch->undo_bundle, ch->bundle, sizeof(ch->undo_bundle));
	ch->undoer = serve_job_fork(s, ch, ROLLBACK, NULL, &err);
	if (!ch->undoer) {
		log_error("job-failed", LOG_S("command", ROLLBACK),
			  LOG_S("channel", ch->name), LOG_S("error", err.msg));
		ch->failure.bundle[0] = '\0';
		ch->failure.news = true;
		return ch->undo_at = now + FAILED_RETRY_MS;
	}
	s->undoers++;
	return INT64_MAX;
}

/* ---- publishing ---- */

/*
 * One for all channels of a check, since to open it is to read all settings;
 * and not the one that stays: libgit2 keeps every pack open that it has ever
 * read, also those that git has replaced since, and this process lives for
 * years.
 */
static git_repository *check_repo(struct serve *s)
{
	struct err ignored = ERR_INIT;

	if (!s->check_repo)
		(void)!repo_open(s->host.config.git_dir, false, &s->check_repo,
				 &ignored);
	return s->check_repo;
}

/* True when the published bundle was made from this commit, or, where many
 * channels follow one ref, has what this commit has for the channel; and what
 * clones are told does not say that anything waits. */
static bool is_published(struct serve *s, const struct served *ch,
			 const struct channel_config *cfg, const char *tip)
{
	git_repository *repo = ch->bundle[0] ? check_repo(s) : NULL;
	struct bundle_commit c;
	struct err ignored = ERR_INIT;

	if (!repo || record_says_waits(repo, cfg))
		return false;
	if (!repo_read_bundle(repo, ch->bundle, &c, NULL, NULL, &ignored) &&
	    !strcmp(c.bundle.source_commit, tip))
		return true;
	return s->n > CONCERN_FEW &&
	       concern_nothing_now(repo, &s->host.config, cfg);
}

/* The source ref moved, and no hook has published it yet. *ret_more: so many
 * were looked at that the others have to wait. */
static bool tip_is_new(struct serve *s, struct served *ch,
		       const struct channel_config *cfg, bool *ret_more)
{
	struct err err = ERR_INIT;
	char tip[GIT_HEX_SIZE];

	if (repo_ref(s->host.repo, cfg->ref, tip, &err) < 0) {
		log_warn("ref-unreadable", LOG_S("channel", ch->name),
			 LOG_S("error", err.msg));
		return false;
	}
	if (!tip[0] || !strcmp(tip, ch->tried_tip))
		return false;
	if (s->tips == TIPS_A_CHECK) {
		*ret_more = true;
		return false;
	}
	s->tips++;
	memcpy(ch->tried_tip, tip, sizeof(tip));
	/* its page says what waits, and others are told if it does for long */
	if (cfg->after)
		ch->record_due = ch->notify_due = true;
	return !is_published(s, ch, cfg, tip);
}

/* When a third of the head's life is over, in wall-clock seconds. */
static int64_t refresh_time(const struct served *ch)
{
	return ch->issued + (ch->expires - ch->issued) / 3;
}

static const char *due_command(struct serve *s, struct served *ch,
			       const struct channel_config *cfg, int64_t now,
			       int64_t *next)
{
	bool more = false;

	if (serve_after_due(s, ch, cfg, now, next))
		return PUBLISH;
	if (serve_ask_wanted(s, ch->name))
		return PUBLISH;
	if (tip_is_new(s, ch, cfg, &more) ||
	    (ch->retry_at && now >= ch->retry_at))
		return PUBLISH;
	if (ch->expires && clock_now() >= refresh_time(ch) &&
	    now >= ch->no_refresh)
		return REFRESH;
	if (more)
		*next = now;
	return NULL;
}

/* When the channel needs a look, monotonic ms. */
static int64_t next_look(const struct serve *s, const struct served *ch,
			 int64_t now)
{
	int64_t next = now + s->opts.check_interval * 1000;
	int64_t refresh;

	if (ch->retry_at && ch->retry_at < next)
		next = ch->retry_at;
	if (!ch->expires || ch->job)
		return next;
	refresh = now + (refresh_time(ch) - clock_now()) * 1000;
	if (refresh < ch->no_refresh)
		refresh = ch->no_refresh;
	return refresh < next ? refresh : next;
}

int64_t serve_work_check(struct serve *s, int64_t now)
{
	int64_t next = now + s->opts.check_interval * 1000, look;

	serve_reload(s, false);
	for (size_t i = 0; i < s->n; i++) {
		struct served *ch = s->channels[i];
		const struct channel_config *cfg =
			config_channel(&s->host.config, ch->name);
		const char *command;

		serve_head_check(s, ch);
		look = cfg ? check_undoer(s, ch, cfg, now) : next;
		if (look < next)
			next = look;
		/* the end of any job brings the next look */
		if (!cfg || ch->job || s->jobs >= MAX_JOBS)
			continue;
		command = due_command(s, ch, cfg, now, &next);
		if (command)
			start_job(s, ch, command);
		look = next_look(s, ch, now);
		if (look < next)
			next = look;
	}
	git_repository_free(s->check_repo);
	s->check_repo = NULL;
	s->tips = 0;
	/* there may be others to tell, by other settings */
	s->next_record = 0;
	look = upload_retry(&s->host.config, &s->next_upload, now);
	return look < next ? look : next;
}

void serve_work_retry(struct serve *s)
{
	for (size_t i = 0; i < s->n; i++) {
		s->channels[i]->tried_tip[0] = '\0';
		s->channels[i]->retry_at = 0;
		s->channels[i]->no_refresh = 0;
		s->channels[i]->failures = 0;
		s->channels[i]->record_at = 0;
		s->channels[i]->record_failures = 0;
		s->channels[i]->notify_pause = 0;
		s->channels[i]->notify_failures = 0;
		s->channels[i]->notify_due = true;
		s->channels[i]->undo_at = 0;
		s->channels[i]->undo_failures = 0;
	}
	s->next_check = s->next_record = s->next_upload = 0;
}

/* quiet: what went wrong is told by the caller. */
static void note_outcome(struct served *ch, const struct job *j, int status,
			 bool quiet)
{
	bool record = j == ch->recorder, undo = j == ch->undoer;
	int *failures = record ? &ch->record_failures :
			undo ? &ch->undo_failures : &ch->failures;
	int64_t wait = FAILED_RETRY_MS, again;

	if (status == 0) {
		*failures = 0;
		/* a cluster that moves on is not worth a line */
		if (record)
			log_debug("job-done", LOG_S("command", j->command),
				  LOG_S("channel", ch->name));
		else if (undo)
			log_info("job-done", LOG_S("command", j->command),
				 LOG_S("channel", ch->name),
				 LOG_S("output", j->text.data));
		else
			log_info("job-done", LOG_S("command", j->command),
				 LOG_S("channel", ch->name));
		return;
	}
	for (int i = 0; i < *failures && wait < FAILED_RETRY_MAX_MS; i++)
		wait *= 2;
	if (wait > FAILED_RETRY_MAX_MS)
		wait = FAILED_RETRY_MAX_MS;
	++*failures;
	again = clock_mono_ms() + wait;
	if (record) {
		ch->record_due = true;
		ch->record_at = again;
	} else if (undo) {
		ch->failure.bundle[0] = '\0';
		ch->failure.news = true;
		ch->undo_at = status == EXIT_REFUSED ?
			clock_mono_ms() + REFUSED_RETRY_MS : again;
	} else if (!strcmp(j->command, REFRESH)) {
		ch->no_refresh = again;
	} else {
		ch->retry_at = status == EXIT_REFUSED ?
			clock_mono_ms() + REFUSED_RETRY_MS : again;
	}
	if (!quiet)
		log_warn("job-failed", LOG_S("command", j->command),
			 LOG_S("channel", ch->name), LOG_N("status", status),
			 LOG_S("output", j->text.data));
}

/* It may have been for several channels; which of them failed is found out by
 * one run for each. */
static void end_recorder(struct serve *s, const struct job *j, int status)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->channels[i]->recorder == j;
	for (size_t i = 0; i < s->n; i++) {
		if (s->channels[i]->recorder != j)
			continue;
		note_outcome(s->channels[i], j, status, n > 1);
		s->channels[i]->recorder = NULL;
	}
	if (n > 1 && status != 0)
		log_warn("job-failed", LOG_S("command", j->command),
			 LOG_N("channels", n), LOG_N("status", status),
			 LOG_S("output", j->text.data));
	s->recorders--;
	s->next_record = 0;
}

static void end_job(struct serve *s, struct served *ch, struct job *j,
		    int wait_status)
{
	int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status)
					    : 128 + WTERMSIG(wait_status);

	if (j->output.fd >= 0) {
		int fd = j->output.fd;

		/* a grandchild may still hold the pipe: take what is there */
		take_output(j);
		serve_unwatch(s, &j->output);
		close(fd);
	}
	if (j == ch->notifier)
		serve_notify_done(ch, status, j->text.data);
	else if (j != ch->recorder)
		note_outcome(ch, j, status, false);
	if (!strcmp(j->command, PUBLISH)) {
		serve_heard(s, ch->name, true);
		serve_ask_done(s, ch->name, status, j->text.data);
	}
	if (j == ch->job) {
		ch->job = NULL;
		s->jobs--;
		s->next_check = 0;
	} else if (j == ch->notifier) {
		ch->notifier = NULL;
		s->notifiers--;
		s->next_record = 0;
	} else if (j == ch->recorder) {
		end_recorder(s, j, status);
	} else {
		ch->undoer = NULL;
		s->undoers--;
		s->next_check = 0;
		/* whether it went back is news */
		ch->notify_due = true;
		s->next_record = 0;
	}
	buf_release(&j->text);
	free(j);
}

static bool has_ended(const struct job *j, int *ret_status)
{
	return j && waitpid(j->pid, ret_status, WNOHANG) == j->pid;
}

void serve_work_reap(struct serve *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct served *ch = s->channels[i];
		int status;

		if (has_ended(ch->job, &status))
			end_job(s, ch, ch->job, status);
		if (has_ended(ch->recorder, &status))
			end_job(s, ch, ch->recorder, status);
		if (has_ended(ch->notifier, &status))
			end_job(s, ch, ch->notifier, status);
		if (has_ended(ch->undoer, &status))
			end_job(s, ch, ch->undoer, status);
	}
}

static void stop_job(struct serve *s, struct served *ch, struct job *j)
{
	int status = 0;

	if (!j)
		return;
	kill(j->pid, SIGTERM);
	while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR)
		;
	end_job(s, ch, j, status);
}

void serve_work_stop(struct serve *s)
{
	/* each step of publishing may be interrupted; the next start goes on */
	for (size_t i = 0; i < s->n; i++) {
		stop_job(s, s->channels[i], s->channels[i]->job);
		stop_job(s, s->channels[i], s->channels[i]->recorder);
		stop_job(s, s->channels[i], s->channels[i]->notifier);
		stop_job(s, s->channels[i], s->channels[i]->undoer);
	}
}
