/*
 * The steps of publishing at which a test kills the process, to see that the
 * next run finishes the work. WINDLASS_CRASH_AT=<step> is honoured only in
 * builds configured with --enable-faults; in all others a step is nothing.
 */
#ifndef HOOKS_FAULTS_H
#define HOOKS_FAULTS_H

/* All of them, in the order of a publish; t/t3200 reads this list. */
#define FAULT_STEPS(STEP) \
	STEP(locked)		/* the lock is held, nothing was read */ \
	STEP(checked)		/* the tip passed the gate */ \
	STEP(rendered)		/* the new tree is in memory */ \
	STEP(signed)		/* so is the signed commit */ \
	STEP(inserted)		/* their pack is about to be written */ \
	STEP(stored)		/* all new objects are on disk */ \
	STEP(epoch_kept)	/* an old epoch's tip has its own ref */ \
	STEP(ref_moved)		/* the bundle is the channel's newest */ \
	STEP(settings_kept)	/* and the settings it was made by */ \
	STEP(delta_stored)	/* the pack from the bundle before */ \
	STEP(base_stored)	/* the pack of all of it, where one is due */ \
	STEP(index_stored)	/* the index that names both */ \
	STEP(head_renamed)	/* published */ \
	STEP(allowance_used)	/* nothing is left to do */

/* And of an upload to a bucket, which is a process of its own. */
#define UPLOAD_STEPS(AT) \
	AT(upload_noted)	/* what may be there is written down */ \
	AT(file_uploaded)	/* one of the packs is there */ \
	AT(files_uploaded)	/* all of them are, and the index */ \
	AT(head_uploaded)	/* the head is, and nobody noted that */ \
	AT(file_removed)	/* one that nothing names is gone */

/* And where a channel waits for another one, or is rolled back by itself. */
#define AFTER_STEPS(ON) \
	ON(chosen)		/* it is known which commit may be published */ \
	ON(undo_judged)		/* a bundle failed, and is to be rolled back */ \
	ON(undo_made)		/* the commit is made, and nobody knows of it */ \
	ON(undo_pushed)		/* it is in */

enum fault_step {
#define FAULT_ENUM(name) FAULT_##name,
	FAULT_STEPS(FAULT_ENUM)
	UPLOAD_STEPS(FAULT_ENUM)
	AFTER_STEPS(FAULT_ENUM)
#undef FAULT_ENUM
};

#ifdef ENABLE_FAULTS
void fault_step(enum fault_step step);
#else
static inline void fault_step(enum fault_step step)
{
	(void)step;
}
#endif

#endif
