/* Workers that fall asleep, their idle count, and stealing.
 *
 * Checked: in every terminal state, no call waits while a worker sleeps. So no wake-up is lost, and no
 * call stays behind one that hangs. lib/worker/work_queue.cpp, worker_pool.cpp, lib/worker/worker_dispatcher.cpp.
 *
 * Bounds: WORKERS workers; PUSHERS I/O threads, each of which submits ROUNDS shares of one or two calls to any
 * worker; HANGING of the calls never end. CHECK: whether some shares are of short calls, for which
 * WorkerDispatcher::check() wakes others later instead of push_shares() at once.
 * Calls leave a queue in any order. A locked region is one step, since each changes at most one variable that
 * is read without the lock. A look at a queue's size and the pop after it are one step: a pop that finds
 * nothing starts again.
 */
/* configuration: WORKERS=2 PUSHERS=1 ROUNDS=3 HANGING=1 CHECK=0 */
/* configuration: WORKERS=2 PUSHERS=2 ROUNDS=1 HANGING=1 CHECK=0 */
/* configuration: WORKERS=3 PUSHERS=1 ROUNDS=1 HANGING=1 CHECK=0 */
/* configuration: WORKERS=2 PUSHERS=1 ROUNDS=1 HANGING=1 CHECK=1 */
/* mutant of 1: NO_SECOND_LOOK */
/* mutant of 1: COUNTED_IDLE_TOO_LATE */
/* mutant of 1: NO_WORKER_WOKEN_AFTER_PUSH */
/* mutant of 1: WAKE_TO_STEAL_OF_AWAKE_LOST */
/* mutant of 1: SLEEPS_WITHOUT_LOOKING_AT_ITS_QUEUE */
/* mutant of 1: CHOOSES_AFTER_WAKING */
/* mutant of 1: BEGINS_WITH_CALLS_BEFORE */
/* mutant of 4: NO_CHECK_AFTER_SHORT_CALLS */

mtype = { awake, asleep, woken };

/* WorkQueue */
byte quick[WORKERS], hanging[WORKERS]; /* calls_: those that end, and those that don't */
#define SIZE(w) (quick[w] + hanging[w]) /* size_ */
mtype state[WORKERS] = awake;          /* state_ */
bool nudged[WORKERS];                  /* nudged_ */
bool posted[WORKERS];                  /* wake_, a semaphore */

byte idle; /* WorkerPool::idle_ */
byte hung;
byte hanging_left = HANGING;
byte pushing = PUSHERS;

#if CHECK
byte ended[WORKERS];      /* Worker::done */
bool watched[WORKERS];    /* WorkerDispatcher::Share::watched */
byte ended_then[WORKERS]; /* WorkerDispatcher::Share::done_then */
#endif

/* WorkQueue::try_pop(); within atomic. */
inline pop(from) {
  if
  :: quick[from] > 0 -> quick[from]--; got = true
  :: hanging[from] > 0 -> hanging[from]--; got = true; hangs = true
  :: SIZE(from) == 0
  fi
}

/* WorkerPool::steal(): longest_queue() or least_served_queue(), which may be any that has calls. */
inline steal() {
  atomic {
    if
    :: at = 0
    :: at = WORKERS - 1
    fi;
    pop(at)
  };
  atomic {
    if
    :: got
    :: else -> at = (at + 1) % WORKERS; pop(at)
    fi
  };
#if WORKERS == 3
  atomic {
    if
    :: got
    :: else -> at = (at + 1) % WORKERS; pop(at)
    fi
  };
#endif
  at = 0
}

/* WorkQueue::sleep() */
inline sleep() {
  atomic {
    if
    :: nudged[self] -> nudged[self] = false
#ifndef SLEEPS_WITHOUT_LOOKING_AT_ITS_QUEUE
    :: !nudged[self] && SIZE(self) > 0
    :: !nudged[self] && SIZE(self) == 0 -> state[self] = asleep
#else
    :: !nudged[self] -> state[self] = asleep
#endif
    fi
  };
  if
  :: state[self] != awake ->
end_asleep:
    atomic { posted[self] -> posted[self] = false };
    state[self] = awake
  :: else
  fi
}

/* WorkerPool::run() */
proctype worker(byte self) {
  byte at;
  bool got, hangs, chooses;
next_call: /* WorkerPool::next_call() */
  if
  :: chooses -> chooses = false; steal() /* chooses_queue(): after a call only */
  :: atomic { true -> chooses = false; pop(self) }
  fi;
  if
  :: got -> goto execute
  :: else -> steal()
  fi;
  if
  :: got -> goto execute
  :: else
  fi;
#ifdef COUNTED_IDLE_TOO_LATE
  steal();
  idle++;
#else
  idle++;
#ifndef NO_SECOND_LOOK
  steal();
#endif
#endif
  if
  :: got
  :: else ->
    sleep();
#ifdef CHOOSES_AFTER_WAKING
    chooses = true
#endif
  fi;
  idle--;
  if
  :: got
  :: else -> goto next_call
  fi;
execute: /* WorkerPool::execute() */
  if
  :: hangs ->
    hung++;
end_hung:
    false
  :: else ->
    atomic {
#if CHECK
      ended[self]++;
#endif
      got = false;
      chooses = true
    };
    goto next_call
  fi
}

/* WorkQueue::wake_to_steal() */
inline wake_to_steal(to) {
  atomic {
    woke = false;
    if
    :: state[to] == woken
    :: state[to] == asleep -> state[to] = woken; woke = true
#ifdef WAKE_TO_STEAL_OF_AWAKE_LOST
    :: state[to] == awake
#else
    :: state[to] == awake -> nudged[to] = true
#endif
    fi
  };
  if
  :: woke -> posted[to] = true
  :: else
  fi
}

/* WorkerPool::wake_one_idle() and wake_all_idle() */
inline wake_idle(all) {
  if
  :: idle == 0
  :: else ->
    wake_to_steal(0);
    if
    :: woke && !all
    :: else ->
      wake_to_steal(1);
#if WORKERS == 3
      if
      :: woke && !all
      :: else -> wake_to_steal(2)
      fi
#endif
    fi;
    woke = false
  fi
}

#if CHECK
/* WorkerDispatcher::watch() */
inline watch() {
  if
  :: idle == 0
  :: else ->
    atomic {
      if
      :: !watched[to] -> ended_then[to] = ended[to]; watched[to] = true
      :: else
      fi
    }
  fi
}

/* WorkerDispatcher::check() of one worker. */
inline check(it) {
  atomic {
    if
    :: watched[it] && SIZE(it) == 0 -> watched[it] = false
    :: watched[it] && SIZE(it) > 0 -> count = SIZE(it)
    :: else
    fi
  };
  atomic {
    if
    :: count > 0 && idle == 0 -> watched[it] = false; count = 0
    :: else
    fi
  };
  atomic {
    if
    :: count > 0 -> stalls = ended[it] - ended_then[it] < count; ended_then[it] = ended[it]
    :: else
    fi;
    count = 0
  };
  if
  :: stalls -> stalls = false; wake_idle(true)
  :: else
  fi
}
#endif

/* An I/O thread: WorkerDispatcher::push_shares(), each time with one share. */
proctype pusher() {
  byte to, count, round;
  bool begins, woke, stalls;
  do
  :: round < ROUNDS ->
    round++;
    /* WorkQueue::push() */
    atomic {
      if
      :: to = 0
      :: to = 1
#if WORKERS == 3
      :: to = 2
#endif
      fi;
#ifdef BEGINS_WITH_CALLS_BEFORE
      begins = state[to] != awake;
#else
      begins = state[to] != awake && SIZE(to) == 0;
#endif
      if
      :: count = 1
      :: count = 2; begins = false
      fi;
      do
      :: count > 0 && hanging_left > 0 -> hanging_left--; hanging[to]++; count--
      :: count > 0 -> quick[to]++; count--
      :: count == 0 -> break
      od;
      if
      :: state[to] == asleep -> state[to] = woken; woke = true
      :: else
      fi
    };
    if
    :: woke -> posted[to] = true
    :: else
    fi;
    woke = false;
    if
    :: begins
    :: else ->
#ifdef NO_WORKER_WOKEN_AFTER_PUSH
      skip;
#else
      if
      :: wake_idle(false)
#if CHECK
      :: true /* opened(): of short calls packed for one worker */
#endif
      fi;
#endif
#if CHECK
      watch()
#endif
    fi;
    begins = false;
#if CHECK && !defined(NO_CHECK_AFTER_SHORT_CALLS)
    /* The timer may go off between two rounds. */
    if
    :: check(0); check(1)
    :: true
    fi
#endif
  :: else -> break
  od;
  to = 0;
  pushing--;
#if CHECK && !defined(NO_CHECK_AFTER_SHORT_CALLS)
end_timer:
  do
  :: watched[0] -> check(0)
  :: watched[1] -> check(1)
#if WORKERS == 3
  :: watched[2] -> check(2)
#endif
  od
#endif
}

/* Nothing moves any more: every worker hangs or sleeps. */
active proctype monitor() {
end_monitor:
  timeout;
  assert(pushing == 0);
#if WORKERS == 3
  assert(SIZE(0) + SIZE(1) + SIZE(2) == 0 || hung == WORKERS)
#else
  assert(SIZE(0) + SIZE(1) == 0 || hung == WORKERS)
#endif
}

init {
  atomic {
    run worker(0);
    run worker(1);
#if WORKERS == 3
    run worker(2);
#endif
    run pusher();
#if PUSHERS == 2
    run pusher()
#endif
  }
}
