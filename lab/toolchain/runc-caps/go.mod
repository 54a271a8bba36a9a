module underlay.lab/toolchain/runc-caps

go 1.26.0
