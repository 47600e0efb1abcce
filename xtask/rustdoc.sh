#!/bin/sh
# rustdoc with the unstable options that the snapshot of the public API needs. Setting the variable for
# all of cargo would make it compile half of the dependencies anew.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
