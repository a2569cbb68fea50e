/* Completions for an I/O thread that is about to sleep.
 *
 * Checked: in every terminal state, the I/O thread has processed every completion.
 * lib/loop/event_loop_run.cpp, lib/worker/worker_link.cpp, lib/base/mpsc_queue.hpp.
 *
 * Bounds: WORKERS threads complete CALLS calls each. A push is two steps, an exchange and a link, between
 * which it may be interrupted for as long as one likes.
 */
/* configuration: WORKERS=2 CALLS=3 */
/* configuration: WORKERS=3 CALLS=1 */
/* mutant of 1: LOOKED_AT_TOO_EARLY */
/* mutant of 1: ASKED_BEFORE_PUSHING */
/* mutant of 1: STILL_SAID_TO_LOOK_WHILE_ASLEEP */
/* mutant of 1: ONLY_THE_LINKED_COUNT */

#define TOTAL (WORKERS * CALLS)

/* MpscQueue: elements in push order; an element after one whose link is not stored yet cannot be reached. */
byte head, tail;
bool linked[TOTAL];
#define EMPTY (head == tail)

bool looks;  /* CompletionSource::looks_for_completions_ */
byte posted; /* tasks in context_ */
byte given;

/* WorkerLink::drain_completions(): MpscQueue::take_all(), which leaves what is not linked or came meanwhile. */
inline drain_completions() {
  last = tail;
  do
  :: atomic { head < last && linked[head] -> head++ }
  :: else -> break
  od;
  last = 0
}

/* EventLoop::take_completions(), an event: update_time() first. */
inline take_completions() {
  looks = true;
  drain_completions()
}

/* EventLoop::run_events() */
active proctype io_thread() {
  byte last;
  bool may_sleep;
  do
  ::
    if
    :: !EMPTY -> take_completions()
    :: else
    fi;
    if
    :: atomic { posted > 0 -> posted-- }; take_completions() /* may_poll(), and context_.poll_one() found it */
    :: true -> /* await_event() */
#if defined(LOOKED_AT_TOO_EARLY)
      may_sleep = EMPTY;
      looks = false;
#elif defined(STILL_SAID_TO_LOOK_WHILE_ASLEEP)
      may_sleep = EMPTY;
#elif defined(ONLY_THE_LINKED_COUNT)
      looks = false;
      may_sleep = EMPTY || !linked[head];
#else
      looks = false;
      may_sleep = EMPTY;
#endif
      if
      :: may_sleep ->
        may_sleep = false;
end_asleep:
        atomic { posted > 0 -> posted-- }; /* context_.run_one() */
        take_completions()
      :: else ->
        looks = true;
        if
        :: atomic { posted > 0 -> posted-- }; take_completions() /* context_.poll_one() */
        :: true
        fi
      fi
    fi
  od
}

/* WorkerPool::execute(): WorkerLink::complete(). */
proctype worker() {
  byte calls, at;
  bool first, saw;
  do
  :: calls < CALLS ->
    calls++;
#ifdef ASKED_BEFORE_PUSHING
    saw = looks;
#endif
    /* MpscQueue::push() */
    atomic { first = EMPTY; at = tail; tail++ };
    atomic { linked[at] = true; at = 0 };
#ifndef ASKED_BEFORE_PUSHING
    saw = looks;
#endif
    if
    :: first && !saw -> posted++ /* try_post_drain() */
    :: else
    fi;
    saw = false;
    given++
  :: else -> break
  od
}

active proctype monitor() {
end_monitor:
  timeout;
  assert(given == TOTAL && EMPTY)
}

init {
  atomic {
    run worker();
    run worker();
#if WORKERS == 3
    run worker()
#endif
  }
}
