import type { Fault, FaultProxy, SeenRequest } from '../harness/fault-proxy.ts';
import type { Choice } from './choice.ts';

type Asked = Omit<SeenRequest, 'fault'>;

interface RandomFault {
  readonly probability: number;
  readonly fault: Fault;
  readonly on?: (request: Asked) => boolean;
}

const isList = ({ kind }: Asked) => kind === 'list';
const isRead = ({ kind }: Asked) => kind === 'get' || kind === 'list' || kind === 'getBlob';

/** No request is held back as long as the shortened hour of the sweep. */
const faults: readonly RandomFault[] = [
  { probability: 0.05, fault: { kind: 'emptyPage' }, on: isList },
  { probability: 0.15, fault: { kind: 'shortPage', rows: 1 }, on: isList },
  { probability: 0.15, fault: { kind: 'shortPage', rows: 3 }, on: isList },
  { probability: 0.002, fault: { kind: 'truncate', bytes: 20 }, on: isRead },
  { probability: 0.004, fault: { kind: 'status', status: 503 } },
  { probability: 0.002, fault: { kind: 'status', status: 500 } },
  { probability: 0.004, fault: { kind: 'reset' } },
  { probability: 0.008, fault: { kind: 'loseAnswer' } },
  { probability: 0.006, fault: { kind: 'duplicate' } },
  { probability: 0.003, fault: { kind: 'deliverLate', ms: 50 } },
  { probability: 0.002, fault: { kind: 'deliverLate', ms: 700 } },
  { probability: 0.006, fault: { kind: 'delay', ms: 30, at: 'before' } },
  { probability: 0.004, fault: { kind: 'delay', ms: 60, at: 'after' } },
  { probability: 0.001, fault: { kind: 'delay', ms: 900, at: 'before' } },
  { probability: 0.001, fault: { kind: 'delay', ms: 900, at: 'after' } },
];

/** What a network and storage do to a registry, from now on until the proxy is cleared. */
export function injectRandomFaults(proxy: FaultProxy, choice: Choice): void {
  for (const { probability, fault, on = () => true } of faults) {
    proxy.inject({
      on: (request) => on(request) && choice.chance(probability),
      fault,
      times: Infinity,
    });
  }
}
