/* One answer for each call: its end, time limit, cancelling, disconnecting and a drain in any order.
 *
 * Checked: a call is answered exactly once, unless its client is gone; its permit is released exactly once,
 * after its handler has returned, or if that never began; the call is recycled exactly once, when no thread
 * can use it any more. lib/rpc/call_executor.cpp, rpc_session.cpp, lib/worker/work_queue.cpp.
 *
 * Bounds: CALLS calls, each of which may be a notification and hang until it is stopped; WORKERS workers;
 * every event at most once for each call, at any time. A call's worker may be any.
 */
/* configuration: CALLS=2 WORKERS=1 */
/* configuration: CALLS=1 WORKERS=2 */
/* configuration: CALLS=2 WORKERS=2 */
/* mutant of 1: RETURN_IS_ANSWERED_AGAIN */
/* mutant of 1: DEADLINE_KEPT_WHEN_ANSWERED */
/* mutant of 1: LEFT_WITH_ITS_OWNER */
/* mutant of 1: RUNNING_CALL_FREED_WHEN_STOPPED */
/* mutant of 1: WITHDRAWN_WITHOUT_LOCK */
/* mutant of 1: PERMIT_BACK_WHEN_STOPPED */
/* mutant of 1: WITHDRAWN_CALL_KEEPS_ITS_PERMIT */
/* mutant of 1: NOTIFICATION_LOST_WITH_ITS_CLIENT */

mtype = { starting, pooled, over }; /* ActiveCall::Stage */

typedef Call {
  mtype stage = starting;
  bool notification;
  bool hangs;          /* until its stop token is set */
  bool answered;       /* ActiveCall::answered */
  bool in_owner;       /* CallOwner::calls */
  bool orphaned;       /* its owner is OrphanedCalls */
  bool has_deadline;
  bool queued;         /* in a WorkQueue */
  bool running;
  bool ran;
  bool returned;       /* in WorkerLink::completions_ */
  bool stop_requested; /* Cancellation */
  bool permit;
  byte permits_back;
  byte replies;        /* sent to the client */
  byte settled;
  byte freed;
};
Call calls[CALLS];
bool client_gone; /* RpcSession::disconnected() */
bool drained;     /* RpcSession::abort_all() at the end of a drain */

/* CallPool::give() */
inline give(c) {
  calls[c].freed++;
  assert(calls[c].freed == 1);
  assert(!calls[c].queued && !calls[c].running && !calls[c].returned);
  assert(!calls[c].in_owner && !calls[c].has_deadline && !calls[c].permit)
}

/* Permit::release() */
inline release(c) {
  if
  :: calls[c].permit -> calls[c].permit = false; calls[c].permits_back++
  :: else
  fi
}

/* CallExecutor::answer(), the only function that gives a call its answer. */
inline answer(c) {
  calls[c].settled++;
  assert(calls[c].settled == 1);
  calls[c].answered = true;
#ifndef DEADLINE_KEPT_WHEN_ANSWERED
  calls[c].has_deadline = false;
#endif
#ifndef LEFT_WITH_ITS_OWNER
  calls[c].in_owner = false;
#endif
  if
  :: !calls[c].notification && !client_gone -> calls[c].replies++
  :: else
  fi;
  if
  :: calls[c].stage == over -> give(c)
  :: else
  fi
}

/* CallExecutor::stop(), by abort() or drop(). WorkerLink::cancel_queued() is a step of its own. */
inline stop(c) {
#ifdef WITHDRAWN_WITHOUT_LOCK
  withdrawn = calls[c].queued;
  calls[c].queued = false;
#else
  atomic { withdrawn = calls[c].queued; calls[c].queued = false };
#endif
  atomic {
    if
    :: withdrawn ->
#ifndef WITHDRAWN_CALL_KEEPS_ITS_PERMIT
      release(c);
#endif
      calls[c].stage = over;
      answer(c)
    :: else ->
#ifdef RUNNING_CALL_FREED_WHEN_STOPPED
      calls[c].stage = over;
      release(c);
#endif
#ifdef PERMIT_BACK_WHEN_STOPPED
      release(c);
#endif
      answer(c);
      calls[c].stop_requested = true
    fi;
    withdrawn = false
  }
}

/* CallExecutor::on_completed() */
inline on_completed(c) {
  calls[c].returned = false;
  assert(!calls[c].running);
  release(c);
  calls[c].stage = over;
#ifdef RETURN_IS_ANSWERED_AGAIN
  answer(c)
#else
  if
  :: calls[c].answered -> give(c)
  :: else -> answer(c)
  fi
#endif
}

/* What may happen to a call: its handler returns; CallExecutor::expire(); RpcSession::cancel() of one that is
   found with its owner, of which drop() is the same without a reply. */
#define EVENTS(c)                                                           \
  :: atomic { calls[c].returned -> on_completed(c) }                         \
  :: calls[c].has_deadline -> calls[c].has_deadline = false; stop(c)        \
  :: calls[c].in_owner && !calls[c].orphaned -> stop(c)

/* The call's I/O thread: all but the worker's part happens here, one event after another. */
active proctype io_thread() {
  byte c;
  bool withdrawn;
  /* CallExecutor::start(), WorkerLink::enqueue(), WorkerDispatcher::push() */
  do
  :: c < CALLS ->
    if
    :: calls[c].notification = true
    :: true
    fi;
    if
    :: calls[c].hangs = true
    :: true
    fi;
    atomic {
      calls[c].in_owner = true;
      calls[c].permit = true;
      calls[c].has_deadline = true;
      calls[c].stage = pooled;
      calls[c].queued = true;
      c++
    }
  :: else -> break
  od;
  c = 0;
end_loop:
  do
  EVENTS(0)
#if CALLS == 2
  EVENTS(1)
#endif
  /* RpcSession::disconnected(): requests are dropped, notifications orphaned. */
  :: !client_gone && !drained ->
    client_gone = true;
    c = 0;
    do
    :: c < CALLS ->
      if
      :: calls[c].in_owner && (calls[c].notification) ->
#ifdef NOTIFICATION_LOST_WITH_ITS_CLIENT
        calls[c].in_owner = false;
        calls[c].has_deadline = false
#else
        calls[c].orphaned = true
#endif
      :: calls[c].in_owner && !calls[c].notification -> stop(c)
      :: else
      fi;
      c++
    :: else -> break
    od;
    c = 0
  /* RpcSession::abort_all() and OrphanedCalls::abort_all() at the end of a drain. */
  :: !drained ->
    drained = true;
    c = 0;
    do
    :: c < CALLS ->
      if
      :: calls[c].in_owner -> stop(c)
      :: else
      fi;
      c++
    :: else -> break
    od;
    c = 0
  od
}

/* WorkerPool::run() */
proctype worker() {
  byte c;
end_loop:
  do
  :: atomic { calls[0].queued -> calls[0].queued = false; calls[0].running = true; c = 0 } /* WorkQueue::try_pop() */
    goto execute
#if CALLS == 2
  :: atomic { calls[1].queued -> calls[1].queued = false; calls[1].running = true; c = 1 }
    goto execute
#endif
  od;
execute:
  assert(calls[c].freed == 0);
  if
  :: !calls[c].hangs || calls[c].stop_requested
  fi;
  assert(calls[c].freed == 0 && calls[c].permit);
  calls[c].ran = true;
  /* WorkerLink::complete() */
  atomic { calls[c].running = false; calls[c].returned = true; c = 0 };
  goto end_loop
}

/* Nothing happens any more: hung notifications without a client are stopped by the drain. */
active proctype monitor() {
  byte c;
end_monitor:
  timeout;
  do
  :: c < CALLS ->
    assert(calls[c].settled == 1 && calls[c].freed == 1 && calls[c].permits_back == 1);
    assert(calls[c].replies == (calls[c].notification -> 0 : 1) || client_gone);
    c++
  :: else -> break
  od
}

init {
  atomic {
    run worker();
#if WORKERS == 2
    run worker()
#endif
  }
}
