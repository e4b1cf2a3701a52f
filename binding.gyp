# CMake is the only build. This shim lets `npx node-gyp rebuild` end in the same files: its one action runs the script
# of `npm run build:native`, which builds in out/, a folder that `node-gyp clean` does not delete.
{
  'targets': [
    {
      'target_name': 'saturnn',
      'type': 'none',
      'actions': [
        {
          'action_name': 'cmake',
          'message': 'Building with CMake (scripts/build-native.mjs)',
          'inputs': ['scripts/build-native.mjs'],
          # Never made, so that the action always runs: CMake knows what is out of date.
          'outputs': ['<(PRODUCT_DIR)/always'],
          'action': ['node', 'scripts/build-native.mjs'],
        },
      ],
    },
  ],
}
