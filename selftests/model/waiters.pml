/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of those who wait (module/waiters.c, alloc.c): threads that release
 * slices in the slice map without the kernel, threads that allocate there, and
 * threads that wait in the queue. run.sh has spin try every interleaving. Nobody
 * who could have a slice may sleep for ever.
 *
 * As in slice_map.pml, one statement is one access to shared memory, and what is
 * under the queue's lock is one step. Where the code has a full fence, the model
 * has the order that it enforces, and a mutant the other one.
 *
 * There are two pools of one slice each. WAITERS threads wait, the first for a
 * slice of pool 1, the others for one of pool 0, and release it. QUICK threads take
 * a slice of pool 0 if there is one, and release it. At first both slices are
 * live, and a thread for each is about to release it.
 */
#ifndef WAITERS
#define WAITERS	3
#endif
#ifndef QUICK
#define QUICK	0
#endif
#define POOLS	2

bool free[POOLS];
bool attention;		/* REGALLOC_ATTENTION_WAIT */
byte nr_waiting;

/* struct regalloc_waiters: who is at each place; what each waits for is fixed. */
chan queue = [WAITERS] of { byte };
bool turn[WAITERS];
byte pass;
bool passing;
bool again;
byte tried[POOLS];	/* pass in which somebody tried in vain */

/* Bookkeeping of the proof. */
bool asleep;

#define pool_of(w)	((w) == 0 -> 1 : 0)

/*
 * Give the turn to the first in the queue who may try, of those from the place
 * @from on. The queue is turned round once, which leaves it as it was.
 */
inline give_turn(from)
{
	n = len(queue);
	i = 0;
	given = false;
	do
	:: i < n ->
		queue ? w;
		queue ! w;
		if
		:: i >= (from) && !given && tried[pool_of(w)] != pass ->
			turn[w] = true;
			given = true
		:: else
		fi;
		i++
	:: else -> break
	od;
	passing = given;
	i = 0; n = 0; w = 0; given = false
}

inline begin_pass()
{
	pass++;
	again = false;
	give_turn(0)
}

inline pass_on(from)
{
	give_turn(from);
	if
	:: !passing && again -> begin_pass()
	:: else
	fi
}

/* The number of those in the queue before @me, who is in it. */
inline find_place(me)
{
	n = len(queue);
	i = 0;
	place = 0;
	do
	:: i < n ->
		queue ? w;
		queue ! w;
		if
		:: w == me -> place = i
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0; n = 0; w = 0
}

inline kick()
{
#ifndef MUTANT_QUEUE_READ_EARLY
	somebody = (len(queue) > 0);
#endif
	if
	:: somebody ->
		d_step {
			if
			:: len(queue) == 0
			:: len(queue) > 0 && passing ->
#ifndef MUTANT_NO_AGAIN
				again = true
#else
				skip
#endif
			:: else -> begin_pass()
			fi
		}
	:: else
	fi;
	somebody = false
}

/* A release in the slice map. */
inline release(p)
{
#ifdef MUTANT_QUEUE_READ_EARLY
	somebody = (len(queue) > 0);
#endif
#ifdef MUTANT_ATTENTION_READ_EARLY
	seen = attention;
#endif
	free[p] = true;
#ifndef MUTANT_ATTENTION_READ_EARLY
	seen = attention;
#endif
	if
	:: seen -> kick()
	:: else
	fi;
	seen = false
}

#define LOCALS						\
	byte i, n, w, place;	/* in d_steps only */	\
	bool given, somebody, seen, ok;

proctype holder(byte p)
{
	LOCALS

	release(p)
}

proctype quick()
{
	LOCALS

	d_step { ok = free[0]; free[0] = false };
	if
	:: ok -> release(0)
	:: else
	fi
}

inline attend()
{
	d_step { nr_waiting++; attention = true }
}

proctype waiter(byte me)
{
	LOCALS

#ifndef MUTANT_ATTEND_LATE
	attend();
#endif
	d_step { queue ! me };
#ifndef MUTANT_NO_KICK_AT_JOIN
	kick();
#endif
	do
	:: turn[me] ->
		d_step { ok = free[pool_of(me)]; free[pool_of(me)] = free[pool_of(me)] && !ok };
#ifdef MUTANT_ATTEND_LATE
		if
		:: !attention -> attend()
		:: else
		fi;
#endif
		if
		:: ok -> break
		:: else ->
			d_step {
				tried[pool_of(me)] = pass;
				turn[me] = false;
				find_place(me);
				pass_on(place + 1)
			}
		fi
	/* Nobody can do anything any more. */
	:: timeout -> asleep = true; assert(!asleep)
	od;
	skip;	/* spin does not let the loop end in a d_step */
	/* Whoever leaves the queue passes the turn on to the next. */
	d_step {
		find_place(me);
		queue ?? eval(me);
		turn[me] = false;
#ifndef MUTANT_LEAVE_KEEPS_TURN
		pass_on(place)
#endif
	};
	d_step {
		nr_waiting--;
		attention = (nr_waiting > 0)
	};
	release(pool_of(me))
}

init {
	byte k;

	atomic {
		pass = 1;
		run holder(0);
		run holder(1);
		do
		:: k < WAITERS -> run waiter(k); k++
		:: else -> break
		od;
		k = 0;
		do
		:: k < QUICK -> run quick(); k++
		:: else -> break
		od
	}
}
