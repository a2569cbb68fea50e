/* Permits in the limits of all calls, of a method and of a client.
 *
 * Checked: calls in flight never exceed the larger of the old and the new limit; after a reload the new limit
 * applies; the limits of the method and of the client hold; all permits are released at the end.
 * lib/admission/admission.hpp, admission.cpp.
 *
 * Bounds: CALLERS threads, each of which asks for ROUNDS permits, one after another, while one reload sets
 * the limit from LIMIT to NEW_LIMIT. Two callers are one client, all call one method.
 */
/* configuration: CALLERS=3 ROUNDS=2 LIMIT=2 NEW_LIMIT=1 METHOD_MAX=2 CLIENT_MAX=1 */
/* configuration: CALLERS=3 ROUNDS=2 LIMIT=1 NEW_LIMIT=2 METHOD_MAX=1 CLIENT_MAX=2 */
/* mutant of 1: CHECKED_BEFORE_TAKING */
/* mutant of 2: KEPT_WHEN_REFUSED */
/* mutant of 1: CLIENT_KEPT_WHEN_REFUSED */
/* mutant of 1: RELEASED_TWICE */
/* mutant of 1: OLD_LIMIT_KEPT */

byte limit = LIMIT;    /* Admission::limit_ */
byte in_flight;        /* in_flight_ */
byte of_method;        /* MethodMetrics::in_flight */
byte of_client[2];     /* Usage::in_flight */
byte holding;          /* permits that are held, as a check */
byte holding_of[2];
#define GREATEST (LIMIT > NEW_LIMIT -> LIMIT : NEW_LIMIT)
byte ended;

/* Admission::try_take(): the exchange fails where the counter has changed since it was read. */
inline try_take(counter, max) {
  took = false;
#ifdef CHECKED_BEFORE_TAKING
  taken = counter;
  if
  :: taken >= max
  :: else -> counter++; took = true
  fi;
#else
  do
  :: taken = counter;
    if
    :: taken >= max -> break
    :: else ->
      atomic {
        if
        :: counter == taken -> counter = taken + 1; took = true
        :: else
        fi
      };
      if
      :: took -> break
      :: else
      fi
    fi
  od;
#endif
  taken = 0
}

/* Admission::try_admit(), and later Permit::release_counters(). */
proctype caller(byte client) {
  byte round, taken, max, begun_with;
  bool took;
#ifdef OLD_LIMIT_KEPT
  max = limit;
#endif
  do
  :: round < ROUNDS ->
    round++;
    begun_with = limit;
    try_take(of_client[client], CLIENT_MAX);
    if
    :: !took -> goto refused
    :: else
    fi;
#ifndef OLD_LIMIT_KEPT
    max = limit;
#endif
    try_take(in_flight, max);
    if
    :: !took -> goto give_client_back
    :: else
    fi;
    try_take(of_method, METHOD_MAX);
    if
    :: !took ->
#ifndef KEPT_WHEN_REFUSED
      in_flight--;
#endif
      goto give_client_back
    :: else
    fi;
    atomic {
      assert(begun_with != NEW_LIMIT || max == NEW_LIMIT);
      holding++;
      holding_of[client]++;
      assert(holding <= in_flight);
      assert(in_flight <= GREATEST);
      assert(of_method <= METHOD_MAX && holding <= METHOD_MAX);
      assert(holding_of[client] <= CLIENT_MAX)
    };
    /* The call runs. */
    atomic { holding--; holding_of[client]-- };
    of_method--;
    in_flight--;
#ifdef RELEASED_TWICE
    if
    :: in_flight > 0 -> in_flight--
    :: else
    fi;
#endif
    of_client[client]--;
    goto refused;
give_client_back:
#ifndef CLIENT_KEPT_WHEN_REFUSED
    of_client[client]--;
#endif
refused:
#ifndef OLD_LIMIT_KEPT
    max = 0;
#endif
    begun_with = 0
  :: else -> break
  od;
  ended++
}

/* EngineParts::apply_admission(): Admission::set_in_flight_max(). */
active proctype reload() {
  limit = NEW_LIMIT
}

active proctype monitor() {
end_monitor:
  timeout;
  assert(ended == CALLERS);
  assert(in_flight == 0 && of_method == 0 && of_client[0] == 0 && of_client[1] == 0)
}

init {
  atomic {
    run caller(0);
    run caller(0);
    run caller(1)
  }
}
