// The recorded bits must hold in a browser's engine too.
import "./augment.test.ts";
