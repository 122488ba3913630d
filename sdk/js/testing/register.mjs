// node --import SDK/testing/register.mjs --test tests/
//
// Lets Node run a plugin natively: `assay` is the SDK, and the station's interfaces are those of host.js.

import { register } from 'node:module';

register('./hooks.mjs', import.meta.url);
