# Stand-in for docker/buildkit-syft-scanner, which writes the SBOM. This one writes an SBOM without packages: that
# the real one finds them stays unproven here. https://github.com/moby/buildkit/blob/master/docs/attestations/sbom-protocol.md
ARG DEBIAN
FROM ${DEBIAN}
COPY --chmod=755 <<'EOF' /scan
#!/bin/sh
cat >"$BUILDKIT_SCAN_DESTINATION/stand-in.spdx.json" <<'JSON'
{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
 "predicate": {"SPDXID": "SPDXRef-DOCUMENT", "spdxVersion": "SPDX-2.3", "name": "stand-in"}}
JSON
EOF
ENTRYPOINT ["/scan"]
