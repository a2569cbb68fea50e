#!/usr/bin/env node
// A handler with the SDK: params are checked before a function runs, and calls overlap. Try one without a server:
//   node sdk_handler.mjs --call order.total 'items=[{"price":2.5,"count":2}]'
import { setTimeout as sleep } from 'node:timers/promises';
import { RpcError, method, serve } from '../../sdk/node/sluice.mjs';

const item = {
  type: 'object',
  properties: { price: { type: 'number', minimum: 0 }, count: { type: 'integer', minimum: 1 } },
  required: ['price', 'count'],
};
const items = { type: 'array', items: item, maxItems: 1000 };

method('order.total', { params: { items, 'discount?': 'number' }, result: 'number', summary: 'What an order costs' },
  (lines, discount = 0) => {
    const total = lines.reduce((sum, { price, count }) => sum + price * count, 0) - discount;
    if (total < 0) throw new RpcError(1, 'The discount is more than the order', { total });
    return total;
  });

method('order.pack', { params: { parcels: 'integer' }, result: 'integer', summary: 'Packs parcels, one every 10 ms' },
  async (parcels, call) => {
    for (let packed = 0; packed < parcels; ++packed) {
      await sleep(10, undefined, { signal: call.signal }); // ends with the call: by a cancel, or its time limit
      call.progress((packed + 1) / parcels, { key: 'packed' });
    }
    return parcels;
  });

serve();
