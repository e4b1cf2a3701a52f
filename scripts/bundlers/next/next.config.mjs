// As README advises. The root is given because folders above may have lock files, too.
export default { output: 'standalone', serverExternalPackages: ['saturnn'], turbopack: { root: import.meta.dirname } };
