#!/usr/bin/env python3
"""A handler with the Python SDK. Type hints are the contract: calls are checked, and rpc.discover describes them."""
import asyncio
from dataclasses import dataclass
from typing import List, Optional

from sluice import Call, Error, method, serve


@dataclass
class Reading:
    sensor: str
    celsius: float


@method("weather.mean")
def mean(readings: List[Reading], sensor: Optional[str] = None) -> float:
    """The mean temperature of all readings, or of one sensor's."""
    values = [reading.celsius for reading in readings if sensor in (None, reading.sensor)]
    if not values:
        raise Error(1, "there are no readings", {"sensor": sensor})
    return sum(values) / len(values)


@method("weather.forecast")
async def forecast(hours: int, call: Call) -> List[str]:
    """A forecast, an hour at a time. Coroutines overlap, and end where they wait when the call is cancelled."""
    found: List[str] = []
    for hour in range(hours):
        await asyncio.sleep(0.01)
        found.append("rain" if hour % 3 else "sun")
        call.progress(hour + 1)
    return found


serve()
