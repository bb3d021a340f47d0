// Stands for node:https in core's CA edge.
import * as real from 'node:https';
import { named, reach } from './death.ts';

export * from 'node:https';

export const request = ((url: string, options: real.RequestOptions, onResponse: Parameters<typeof real.request>[1]) => {
  // Pebble's URLs end in a random id.
  const name = named(`${options.method} ${new URL(url).pathname.replace(/^(\/[^/]+\/).+$/, '$1*')}`);
  reach('before', name);
  const sent = real.request(url, options, (response) => {
    reach('after', name);
    (onResponse as unknown as (given: typeof response) => void)(response);
  });
  sent.once('finish', () => reach('begun', name));
  return sent;
}) as unknown as typeof real.request;
