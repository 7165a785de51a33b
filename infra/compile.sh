#!/usr/bin/env bash
# Compiles the templates into a folder: `bash infra/compile.sh OUT`. A warning is an error. Needs the
# Azure CLI, which brings the newest Bicep.
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath -m "${1:?where to put the compiled templates}")
mkdir -p "$out"
az bicep upgrade
for template in main azd aks/main aks/attach aks/pull-identity; do
  said=$(az bicep build --file "$template.bicep" --outfile "$out/${template//\//-}.json" 2>&1)
  if [ -n "$said" ]; then
    echo "$said"
    echo "$template.bicep: warnings are errors here" >&2
    exit 1
  fi
done
