import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { noiseBackground, withPause } from '../../simulation/audio.ts';
import { candidatePorts, withPorts } from '../../simulation/lossy-network.ts';
import { dropper, UdpRelay } from '../../simulation/udp-relay.ts';

const candidate = (port: string) => `a=candidate:1 1 udp 2130706431 127.0.0.1 ${port} typ host generation 0`;

test('a relay drops the share it is told to, and the same packets for the same seed', () => {
  const lost = (seed: number) => {
    const drops = dropper({ drop: 0.05, seed });
    return Array.from({ length: 10_000 }, drops);
  };
  const share = lost(7).filter(Boolean).length / 10_000;
  expect(share).toBeGreaterThan(0.04);
  expect(share).toBeLessThan(0.06);
  expect(lost(7)).toEqual(lost(7));
  expect(lost(7)).not.toEqual(lost(8));
});

test('a relay carries packets both ways and gives each sender an address of its own', async () => {
  const target = createSocket('udp4');
  target.bind(0, '127.0.0.1');
  await once(target, 'listening');
  target.on('message', (packet, { port, address }) => target.send(`${packet} from ${port}`, port, address));
  const relay = await UdpRelay.open(target.address().port, { drop: 0, seed: 1 });
  const senders = [createSocket('udp4'), createSocket('udp4')];
  onTestFinished(() => {
    for (const each of [target, relay, ...senders]) each.close();
  });
  const answers = await Promise.all(
    senders.map(async (sender) => {
      sender.send('hello', relay.port, '127.0.0.1');
      const [answer] = await once(sender, 'message');
      return String(answer);
    }),
  );
  expect(answers.every((answer) => answer.startsWith('hello from '))).toBe(true);
  expect(new Set(answers).size).toBe(2);
  expect(relay.counts).toEqual({ forwarded: 4, dropped: 0 });
});

test('a relay that drops everything lets nothing through', async () => {
  const relay = await UdpRelay.open(9, { drop: 1, seed: 1 });
  const sender = createSocket('udp4');
  onTestFinished(() => {
    relay.close();
    sender.close();
  });
  for (let packet = 0; packet < 3; packet += 1) sender.send('hello', relay.port, '127.0.0.1');
  await expect.poll(() => relay.counts).toEqual({ forwarded: 0, dropped: 3 });
});

test('candidates name another port, of the same length, and nothing around them changes', () => {
  const message = `\x01\xff${candidate('54321')}\r\n${candidate('54321')}\x02`;
  expect(candidatePorts(message)).toEqual(['54321']);
  expect(withPorts(message, () => '4321')).toBe(message.replaceAll(' 54321 ', ' 04321 '));
  expect(withPorts('no candidate 54321 typ host', () => '9')).toBe('no candidate 54321 typ host');
});

test('noise is the same each time, and as loud as it is told to be', () => {
  const level = (snrDb: number) => {
    const samples = new Int16Array(16_000);
    noiseBackground({ kind: 'white', snr_db: snrDb })(samples);
    return Math.sqrt(samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length);
  };
  expect(level(20)).toBe(level(20));
  expect(level(20) / level(40)).toBeCloseTo(10, 0);
});

test('a pause to think is as long as it is told to be', () => {
  const joined = withPause(Int16Array.of(1, 2), 1, Int16Array.of(3));
  expect([...joined]).toEqual([1, 2, ...new Array(16).fill(0), 3]);
});
