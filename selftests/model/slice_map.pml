/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of the slice map: threads that claim and release slices directly in
 * shared memory, against a kernel that opens and closes regions under a lock.
 * run.sh has spin try every interleaving of it.
 *
 * What one statement does here is one access to shared memory; a d_step is one
 * compare-and-swap, with the bookkeeping of the proof. Spin knows no store
 * buffers: where the code needs a fence, the model has the order that the fence
 * enforces, and a mutant has the other one. So whatever stands in a mutant as
 * two accesses in the wrong order needs a full fence in the code.
 *
 * Shared with user space, as in the uapi header: word, avail, dirty; armed and
 * eager are bits of its "attention". The rest is the kernel's: lock is the client's lock, queued says that
 * the decay work is pending. Time is not modelled: pending work runs whenever it
 * likes, and a spare is due when it is met for the second time.
 *
 * Configuration, by -D: of USERS threads, the first allocates up to ROUNDS
 * times, the second up to MORE_ROUNDS times, the third once; SLOTS slots of PER
 * slices; BUDGET regions; PRESS times somebody else is short of budget; EAGER
 * starts with decay_ms = 0; FLIP changes decay_ms once; MAIL lets threads pass
 * handles on and release them again; PLAIN has the first thread allocate with
 * ioctls only; KILL lets it, a process of its own, die in the middle of
 * anything; LATE keeps the decay work back until all threads have ended;
 * REQUEUE_ARMS has it set armed when it queues itself; FIRST_ARMS has a release
 * look at armed only if it was the one to set dirty.
 *
 * Each MUTANT_* takes out or turns around one thing and must be found.
 */
#ifndef USERS
#define USERS	2
#endif
#ifndef ROUNDS
#define ROUNDS	2
#endif
#ifndef MORE_ROUNDS
#define MORE_ROUNDS	ROUNDS
#endif
#ifndef SLOTS
#define SLOTS	2
#endif
#ifndef PER
#define PER	2
#endif
#ifndef BUDGET
#define BUDGET	2
#endif
#ifndef PRESS
#define PRESS	0
#endif
#ifdef EAGER
#define EAGER_AT_START	true
#else
#define EAGER_AT_START	false
#endif
#ifdef KILL
#define CAN_DIE	true
#else
#define CAN_DIE	false
#endif
#ifdef LATE
#define LATE_WORK	true
#else
#define LATE_WORK	false
#endif
#ifdef PLAIN
#define ALLOCS_PLAIN	true
#else
#define ALLOCS_PLAIN	false
#endif
#ifdef FLIP
#define FLIPS	1
#else
#define FLIPS	0
#endif
#define NS	(SLOTS * PER)

#define CLOSED	0
#define FREE	1
#define LIVE	2
#define WORD(gen, state)	((gen) << 2 | (state))
#define STATE(w)	((w) & 3)
#define GEN(w)		((w) >> 2)

/* The map window. */
byte word[NS];
bool avail[SLOTS];
bool dirty[SLOTS];
bool armed;
bool eager = EAGER_AT_START;

/* The kernel's own. */
bool lock;
bool open[SLOTS];	/* there is memory, and the region can be found */
byte mark[SLOTS];	/* 1: MAYBE_SPARE, 2: and decay_ms have passed */
byte charged;
bool queued;
bool running;		/* the decay work; keeps decay_ms as it is */
bool decay_zero = EAGER_AT_START;

/* A handle that one thread has passed to another. */
bool mail;
byte mail_s, mail_g;

/*
 * The proof's own. hold is the generation that a slice's owner has, 0 if nobody
 * owns it. A release counts as done only when it has set dirty: whoever fails
 * before that may say that he came first. So pend holds the generation of a
 * release that is not done, and nfree counts slices whose release is, also
 * while they are being opened or sealed. spent: at some moment since the lock
 * was taken, nothing was free and the budget used up.
 */
byte hold[NS];
byte pend[NS];
byte nfree;
bool spent;
byte kept;		/* slices that will never be released */
byte done;		/* processes that have ended, without the work */
#define OTHERS	(USERS + (PRESS > 0) + FLIPS)

#define note_spent()	spent = spent || (lock && !nfree && charged == BUDGET)

/* Each process has these. i and n are only ever set where they are used. */
#define LOCALS						\
	byte i, n, slot;	/* counters */		\
	byte cs, cg;		/* slice claimed */	\
	bool ok, again;

/* A process can be killed in user space only. */
#ifdef KILL
#define may_die()					\
	if						\
	:: mortal -> goto die				\
	:: true						\
	fi
#else
#define may_die()	skip
#endif
#define in_kernel()	was = mortal; mortal = false
#define in_user()	mortal = was; was = false

/* ---- slice_map.c ---- */

inline claim(s)
{
	if
	:: STATE(word[s]) == FREE ->
		assert(open[(s) / PER]);
		assert(!hold[s]);
		cs = s;
		cg = GEN(word[s]);
		word[s] = WORD(cg, LIVE);
		hold[s] = cg;
		if
		:: pend[s] -> pend[s] = 0
		:: else -> nfree--
		fi;
		note_spent();
		ok = true
	:: else -> ok = false
	fi
}

/* The handle is (s, g). */
inline slice_release(s, g)
{
	d_step {
		if
#ifdef MUTANT_NO_GENERATION
		:: STATE(word[s]) == LIVE ->
#else
		:: word[s] == WORD(g, LIVE) ->
#endif
			assert(open[(s) / PER]);
			assert(hold[s] == g);
			hold[s] = 0;
			pend[s] = g;
			word[s] = WORD(g + 1, FREE);
			ok = true
		:: else -> ok = false
		fi
	}
}

/* The release of (s, g) can be relied on from now on. */
inline slice_release_done(s, g)
{
	if
	:: pend[s] == g -> pend[s] = 0; nfree++
	:: else
	fi
}

/* ok: no slice of the slot is live. */
inline find_no_live()
{
	i = 0;
	ok = true;
	do
	:: d_step { i < PER && ok ->
			ok = (STATE(word[slot * PER + i]) != LIVE);
			i++
		}
	:: else -> break
	od;
	i = 0
}

inline open_slices()
{
	i = 0;
	do
	:: d_step { i < PER ->
			assert(STATE(word[slot * PER + i]) == CLOSED);
			if
			:: !word[slot * PER + i] ->
				word[slot * PER + i] = WORD(1, FREE)
			:: else -> word[slot * PER + i] =
				WORD(GEN(word[slot * PER + i]), FREE)
			fi;
			i++
		}
	:: else -> break
	od;
	i = 0
}

/* ok: all slices are closed. */
inline seal()
{
	i = 0;
	ok = true;
	do
	:: d_step { i < PER && ok ->
#ifdef MUTANT_NO_SEAL
			word[slot * PER + i] =
				WORD(GEN(word[slot * PER + i]), CLOSED);
			i++
#else
			if
			:: STATE(word[slot * PER + i]) == FREE ->
				word[slot * PER + i] =
					WORD(GEN(word[slot * PER + i]), CLOSED);
				i++
			:: else -> ok = false
			fi
#endif
		}
	:: else -> break
	od;
#ifndef MUTANT_NO_PUT_BACK
	do
	:: d_step { !ok && i > 0 ->
			i--;
			assert(STATE(word[slot * PER + i]) == CLOSED);
			word[slot * PER + i] =
				WORD(GEN(word[slot * PER + i]), FREE)
		}
	:: else -> break
	od;
#endif
	i = 0
}

/* ---- allocation, in user space and under the lock alike ---- */

/* ok: a slice of the slot has been claimed. */
inline look_at_words()
{
	i = 0;
	ok = false;
	do
	:: d_step { i < PER && !ok -> claim(slot * PER + i); i++ }
	:: else -> break
	od;
	i = 0
}

/* The same, and keep the hint true. */
inline look_at_slot()
{
	look_at_words();
	if
	:: !ok ->
		avail[slot] = false;
		may_die();
#ifndef MUTANT_AVAIL_CLEARED_LATE
		look_at_words();
#endif
		if
#ifndef MUTANT_AVAIL_NOT_SET_BACK
		:: ok -> may_die(); avail[slot] = true
#endif
		:: else
		fi
	:: else
	fi
}

inline look_by_hints()
{
	slot = 0;
	ok = false;
	do
	:: slot < SLOTS && !ok && avail[slot] -> look_at_slot(); slot++
	:: d_step { slot < SLOTS && !ok && !avail[slot] -> slot++ }
	:: slot == SLOTS || ok -> break
	od;
	slot = 0
}

/* ---- pool.c, reclaim.c; locked ---- */

inline take_lock()
{
	atomic { !lock -> lock = true; spent = false; note_spent() }
}

inline drop_lock()
{
	d_step { lock = false; spent = false }
}

/* Only sets avail if it is clear, as everybody. */
inline note_avail()
{
	if
	:: !avail[slot] -> avail[slot] = true
	:: else
	fi
}

/* ok: the region was a spare and is closed now. */
inline close_spare()
{
	find_no_live();
	if
	:: ok ->
		seal();
		if
		:: ok ->
			d_step {
				open[slot] = false;
				mark[slot] = 0;
				do
				:: i < PER ->
					assert(STATE(word[slot * PER + i]) == CLOSED);
					assert(!hold[slot * PER + i]);
					i++
				:: else -> break
				od;
				i = 0
			};
			avail[slot] = false;
			dirty[slot] = false;
			d_step {
				charged--;
				do
				:: i < PER ->
					if
					:: pend[slot * PER + i] ->
						pend[slot * PER + i] = 0
					:: else -> nfree--
					fi;
					i++
				:: else -> break
				od;
				i = 0
			}
		:: else ->
#ifndef MUTANT_PUT_BACK_SILENT
			note_avail();
#endif
			skip
		fi
	:: else
	fi
}

/* A release may have been too slow, and its slot is closed. */
#ifdef MUTANT_CLOSED_LEFT_DIRTY
#define dirty_counts()	(dirty[slot] && open[slot])
#else
#define dirty_counts()	dirty[slot]
#endif

inline collect_dirty()
{
	slot = 0;
	do
	:: d_step { slot < SLOTS && dirty_counts() ->
			dirty[slot] = false;
			if
			:: open[slot] -> mark[slot] = 1
			:: else
			fi;
			slot++
		}
	:: d_step { slot < SLOTS && !dirty_counts() -> slot++ }
	:: slot == SLOTS -> break
	od;
	slot = 0
}

/* again: spares are left that are not due. n: how many to close at most. */
inline close_spares(now)
{
#ifndef MUTANT_DIRTY_CLEARED_LATE
	collect_dirty();
#else
	/* Sees what is dirty, and clears it when it has looked. */
	slot = 0;
	do
	:: slot < SLOTS ->
		if
		:: dirty[slot] && open[slot] -> mark[slot] = 1
		:: else
		fi;
		slot++
	:: else -> break
	od;
	slot = 0;
#endif
	again = false;
	do
	:: slot < SLOTS && n > 0 && (mark[slot] == 2 || (mark[slot] && (now))) ->
		close_spare();
#ifdef MUTANT_DIRTY_CLEARED_LATE
		dirty[slot] = false;
#endif
		d_step {
			if
			:: ok -> n--
			:: else -> mark[slot] = 0
			fi;
			ok = false;
			slot++
		}
	:: d_step { slot < SLOTS && n > 0 && mark[slot] == 1 && !(now) ->
			mark[slot] = 2;
			again = true;
			slot++
		}
	:: d_step { slot < SLOTS && n > 0 && !mark[slot] -> slot++ }
	:: d_step { slot == SLOTS || n == 0 -> slot = 0; n = 0; ok = false };
		break
	od
}

/* ---- ioctls ---- */

inline trim()
{
	take_lock();
	n = SLOTS;
	close_spares(true);
	drop_lock();
	again = false
}

/* TRIM with REGALLOC_TRIM_F_ARM */
inline trim_arm()
{
	if
	:: decay_zero -> trim()
	:: else ->
#ifdef MUTANT_ARMED_AFTER_QUEUE
		queued = true;
		armed = true
#else
		armed = true;
#ifdef MUTANT_ARM_READS_DECAY_TWICE
		if
		:: !decay_zero -> queued = true
		:: else
		fi
#else
		queued = true
#endif
#endif
	fi
}

/*
 * The last look before an allocation fails: at each word, whatever the hints
 * say. While it goes on, slices may be released behind it and claimed before
 * it, so that it finds none although there always was one: hence it must see
 * no release meanwhile. again: look once more.
 */
inline last_look()
{
#ifndef MUTANT_LAST_LOOK_ONCE
	collect_dirty();
#endif
	ok = false;
	do
	:: slot < SLOTS && !ok && open[slot] ->
		look_at_words();
		if
		:: ok -> note_avail()
		:: else
		fi;
		slot++
	:: d_step { slot < SLOTS && !ok && !open[slot] -> slot++ }
	:: slot == SLOTS || ok -> break
	od;
	slot = 0;
	again = false;
#ifndef MUTANT_LAST_LOOK_ONCE
	do
	:: d_step { slot < SLOTS && !ok ->
			again = again || (dirty[slot] && open[slot]);
			slot++
		}
	:: else -> break
	od;
	slot = 0
#endif
}

/* As if hints were right if only all are set first. */
inline last_look_by_hints()
{
	do
	:: slot < SLOTS ->
		if
		:: open[slot] -> avail[slot] = true
		:: else
		fi;
		slot++
	:: else -> break
	od;
	slot = 0;
	look_by_hints()
}

inline open_region()
{
	d_step {
		charged++;
		nfree = nfree + PER;
		do
		:: open[slot] -> slot++
		:: else -> break
		od;
		open[slot] = true;
		mark[slot] = 1
	};
	open_slices();
	note_avail()
}

/* ok: (cs, cg) is ours. */
inline kernel_alloc()
{
	take_lock();
	do
	:: look_by_hints();
		if
		:: ok -> break
		:: !ok && charged < BUDGET ->
			open_region();
#ifndef MUTANT_OPEN_TAKES_LOWEST
			look_at_slot();
#endif
			slot = 0;
			if
			:: ok -> break
			:: else	/* all taken by others: try again */
			fi
		:: else ->
#ifdef MUTANT_LAST_LOOK_BY_HINTS
			last_look_by_hints();
#else
			last_look();
#endif
			if
			:: ok -> break
			:: !ok && !again ->
				assert(spent);	/* ENOMEM is the truth */
				break
			:: else -> again = false
			fi
		fi
	od;
	again = false;
	drop_lock()
}

/* ---- the library ---- */

inline alloc()
{
	/* What a thread remembers may be anything. */
	ok = false;
	if
	:: plain -> goto call
	:: true
	:: d_step { claim(0) }
#if NS > 1
	:: d_step { claim(1) }
#endif
#if NS > 2
	:: d_step { claim(2) }
#endif
#if NS > 3
	:: d_step { claim(3) }
#endif
	fi;
	if
	:: !ok -> look_by_hints()
	:: else
	fi;
	may_die();
call:
	if
	:: !ok ->
		d_step { in_kernel() };
		kernel_alloc();
		d_step { in_user() }
	:: else
	fi
}

inline release(s, g)
{
	slot = s / PER;
#ifdef MUTANT_HINTS_READ_EARLY
	seen_avail = avail[slot];
	seen_dirty = dirty[slot];
#endif
#ifdef MUTANT_EAGER_SCANS_EARLY
	n = 0;
	i = 0;
	do
	:: i < PER ->
		n = n + (slot * PER + i != s &&
			 STATE(word[slot * PER + i]) == LIVE);
		i++
	:: else -> break
	od;
	i = 0;
#endif
	slice_release(s, g);
	may_die();
	won = ok;
	if
	:: won ->
#ifdef MUTANT_HINTS_READ_EARLY
		if
		:: !seen_avail -> avail[slot] = true
		:: else
		fi;
		if
		:: !seen_dirty -> dirty[slot] = true
		:: else
		fi;
		d_step { seen_avail = false; seen_dirty = false };
#else
		note_avail();
		may_die();
#ifdef MUTANT_ARMED_READ_EARLY
		again = armed;
#endif
		if
#ifdef MUTANT_EAGER_NOT_DIRTY
		:: !dirty[slot] && !eager -> dirty[slot] = true
#else
		:: !dirty[slot] -> dirty[slot] = true
#endif
#ifdef FIRST_ARMS
		:: else -> again = true
#else
		:: else
#endif
		fi;
#endif
		d_step { slice_release_done(s, g) };
		may_die();
		if
		:: eager ->
#ifdef MUTANT_EAGER_SCANS_EARLY
			ok = !n;
			n = 0;
#else
			find_no_live();
#endif
			may_die();
			if
			:: ok ->
				d_step { slot = 0; in_kernel() };
				trim();
				d_step { in_user() }
			:: else
			fi
#if defined(MUTANT_ARMED_READ_EARLY)
		:: !eager && !again ->
#elif defined(FIRST_ARMS)
		:: !eager && !again && !armed ->
#else
		:: !eager && !armed ->
#endif
			d_step { slot = 0; again = false; in_kernel() };
			trim_arm();
			d_step { in_user() }
		:: else
		fi;
		again = false
	:: else
	fi;
	d_step { slot = 0; ok = false; n = 0 }
}

proctype user(bool mortal; bool plain; byte left)
{
	LOCALS
	byte hs, hg;		/* the handle in use */
	bool won, was;
#ifdef MUTANT_HINTS_READ_EARLY
	bool seen_avail, seen_dirty;
#endif

	do
	:: left > 0 ->
		left--;
		alloc();
		if
		:: ok ->
			d_step {
				hs = cs; hg = cg;
				cs = 0; cg = 0; ok = false
			};
			if
			:: d_step { kept++; hs = 0; hg = 0 }; goto next
#ifdef MAIL
			:: d_step { !mail -> mail = true; mail_s = hs; mail_g = hg }
#endif
			:: true
			fi;
			release(hs, hg);
#ifdef MAIL
			if
			:: true
			:: release(hs, hg); assert(!won)
			fi
#endif
		:: else
		fi;
next:		skip;
		d_step { hs = 0; hg = 0; won = false }
#ifdef MAIL
	:: d_step {
			mail -> hs = mail_s; hg = mail_g;
			mail = false; mail_s = 0; mail_g = 0
		};
		release(hs, hg);
		d_step { hs = 0; hg = 0; won = false }
#endif
	:: break
	od;
	goto out;
die:
	skip;
	/* Whoever has died in a release has been slow for ever: it counts. */
	d_step {
		if
		:: hg && !hold[hs] -> slice_release_done(hs, hg)
		:: else
		fi
	};
#ifndef MUTANT_EXIT_UNNOTICED
	/* The file's flush: what he has left half done may be anywhere. */
	mortal = false;
	take_lock();
	slot = 0;
	do
	:: slot < SLOTS ->
		if
		:: open[slot] -> mark[slot] = 1; note_avail()
		:: else
		fi;
		slot++
	:: else -> break
	od;
	drop_lock();
	trim_arm();
#endif
out:	skip;
	d_step {
		left = 0; slot = 0; i = 0; n = 0; hs = 0; hg = 0; cs = 0; cg = 0;
		ok = false; won = false; again = false; mortal = false;
		done++
	}
}

/* Somebody else is short of budget and takes a spare. */
proctype press()
{
	LOCALS
	byte left = PRESS;

	do
	:: left > 0 ->
		left--;
		take_lock();
		n = 1;
		close_spares(true);
		drop_lock();
		again = false
	:: break
	od;
	left = 0;
	done++
}

/* decay_ms is written. */
proctype flip()
{
	atomic { !running -> running = true };
	decay_zero = !decay_zero;
	eager = !eager;
	running = false;
	queued = true;
	done++
}

/* Nothing happens any more unless somebody calls. */
inline check_rest()
{
	d_step {
		assert(!armed);
		do
		:: slot < SLOTS ->
			ok = false;	/* a live slice */
			again = false;	/* a free slice */
			do
			:: i < PER ->
				if
				:: STATE(word[slot * PER + i]) == LIVE ->
					assert(open[slot]);
					assert(hold[slot * PER + i] == GEN(word[slot * PER + i]));
					ok = true;
					n++
				:: STATE(word[slot * PER + i]) == FREE ->
					assert(open[slot]);
					again = true
				:: STATE(word[slot * PER + i]) == CLOSED ->
					assert(!open[slot])
				fi;
				i++
			:: else -> break
			od;
			i = 0;
			/* no spare is left open for ever */
			assert(!open[slot] || ok);
			/* hints are not lost */
			assert(!again || avail[slot]);
			cs = cs + open[slot];
			slot++
		:: else -> break
		od;
		assert(cs == charged);
#ifndef KILL
		assert(n == kept)
#endif
	}
}

proctype work()
{
	LOCALS

	do
	:: atomic { queued && !running && (!LATE_WORK || done == OTHERS) ->
			queued = false;
			running = true
		};
#ifndef MUTANT_DISARMED_LATE
		armed = false;
#endif
		take_lock();
		n = SLOTS;
		close_spares(decay_zero);
		drop_lock();
#ifdef MUTANT_DISARMED_LATE
		armed = false;
#endif
		if
		:: again ->
#ifdef REQUEUE_ARMS
			armed = true;
#endif
			queued = true
		:: else
		fi;
		d_step { again = false; running = false }
	:: atomic { done == OTHERS && !queued && !running -> break }
	od;
	skip;
	check_rest()
}

init {
	atomic {
		run work();
		run user(CAN_DIE, ALLOCS_PLAIN, ROUNDS);
#if USERS > 1
		run user(false, false, MORE_ROUNDS);
#endif
#if USERS > 2
		run user(false, false, 1);
#endif
#if PRESS > 0
		run press();
#endif
#ifdef FLIP
		run flip()
#endif
	}
}
