// The recorded bytes, and every refusal, must hold in a browser's engine too.
import "./packed.test.ts";
