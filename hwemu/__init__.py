import hwemu_importer

hwemu_importer.install()
